// A receiver of webhooks: it verifies each message by the bytes that came, deals with each once, and answers at once.
//
//   WEBHOOK_SECRET=whsec_… PORT=4000 node receiver.mjs

import { createServer } from "node:http";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // a real game keeps these in its database, in the transaction of what it does

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let message;
  try {
    message = webhook.verify(Buffer.concat(chunks).toString(), request.headers);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    response.writeHead(400).end("not signed by whom we know");
    return;
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) {
    seen.add(id);
    console.log(`${message.type} ${message.player_id} ${JSON.stringify(message.data)}`);
  }
  response.writeHead(204).end();
});

server.listen(Number(process.env.PORT ?? 4000), () => console.log(`listening on ${server.address().port}`));
