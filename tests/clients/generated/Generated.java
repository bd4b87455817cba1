/** A game against the classes that openapi-generator makes of the schema for Java, with its own HTTP client. */

import game.ApiClient;
import game.ApiException;
import game.api.EventsApi;
import game.api.PlayersApi;
import game.api.RewardsApi;
import game.model.*;
import java.net.URI;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

public class Generated {
    public static void main(String[] said) throws ApiException {
        ApiClient server = client(said[0], "Api-Key " + said[1]);
        ApiClient player = client(said[0], "Bearer " + said[2]);

        GameEvent event = new GameEvent().id("generated").playerId("ann").type("enemy.killed").timestamp(OffsetDateTime.now())
            .data(Map.of("weapon", "bow", "damage", 3));
        Settled sent = new EventsApi(server).eventsCreate(
            "wait", null, new OneOrMoreEventsRequest(new EventBatch().addEventsItem(event)));
        expect(sent.getResults().get("ann").getMetrics().get("kills").getCount() == 4, "four kills: " + sent);

        // Page after page; a secret one is a row without a title: Java's reader does not mind what is missing.
        List<String> titles = new ArrayList<>(), secret = new ArrayList<>();
        String cursor = null;
        do {
            AchievementStandingPage page = new PlayersApi(player).playersAchievementsList("me", cursor, 1, null, null);
            for (AchievementStandingOrSecretAchievement row : page.getResults()) {
                AchievementStanding standing = row.getAchievementStanding();
                if (standing.getTitle() == null) secret.add(standing.getId());
                else titles.add(standing.getTitle());
            }
            cursor = page.getNext() == null ? null : page.getNext().getQuery().replaceAll("(.*&)?cursor=([^&]*).*", "$2");
        } while (cursor != null);
        expect(secret.equals(List.of("s-1")) && titles.contains("Hunter"), secret + " " + titles);

        // A claim, and the same again.
        Distribution chest = new PlayersApi(player).playersDistributionsList("me", null, null, "PENDING", null).getResults()
            .stream().filter(each -> each.getRewardId().equals("chest")).findFirst().orElseThrow();
        for (int n = 0; n < 2; n++) {
            Distribution claimed = new RewardsApi(player).rewardsClaim(chest.getId(), null, null, new ClaimWishRequest());
            expect(claimed.getStatus() == DistributionStatusEnum.CLAIMED, "claimed: " + claimed);
        }

        // Money; a refusal is a problem with a code.
        PlayersApi players = new PlayersApi(server);
        Spent spent = players.playersWalletSpend("gold", "ann", "java", new SpendWishRequest().amount(1L));
        expect(spent.getTransfer().getAmount() == 1, "spent: " + spent);
        try {
            players.playersWalletSpend("gold", "ann", "poor", new SpendWishRequest().amount(1_000_000L));
            throw new AssertionError("it was spent");
        } catch (ApiException refused) {
            expect(refused.getCode() == 409 && problem(refused).getCode().equals("insufficient_balance"), "" + refused);
        }
    }

    static ApiClient client(String address, String authorization) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(address);
        return client.setRequestInterceptor(request -> request.setHeader("Authorization", authorization));
    }

    static Problem problem(ApiException refused) {
        try {
            return ApiClient.createDefaultObjectMapper().readValue(refused.getResponseBody(), Problem.class);
        } catch (java.io.IOException unreadable) {
            throw new AssertionError(unreadable);
        }
    }

    static void expect(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }
}
