import os

from gamification_client import GameServer, Player

SERVICE = os.environ.get("SERVICE", "http://127.0.0.1:3000")

with GameServer(SERVICE, os.environ["KEY"], queue="events.sqlite3") as game:
    # On the server: it is in a file before `track` returns, and sent in the background. `flush` waits for that.
    game.track("python-player", "session.started", {"platform": "desktop"})
    game.flush()
    for row in game.achievements("python-player", "COMPLETED"):
        print(f"{row['title']}: {row['points']} points")

    # On the player's device, with a token that your server gave it: what happens is pushed, each message once.
    with Player(SERVICE, lambda: game.token("python-player")["token"]) as me:
        for message in me.feed(after=0):
            print(f"{message['seq']}: {message['type']}" if "seq" in message else message["type"])
            if message["type"] == "reward.claimed":
                break
