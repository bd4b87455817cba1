"""The keys that sign and verify players' tokens."""

import hashlib
import hmac

from gamification.environment import one_of, pem, pems, read, refuse, token_key, words
from gamification.settings.deployment import SECRET_KEY, SECRET_KEY_FALLBACKS

TOKEN_ALGORITHM = read("TOKEN_ALGORITHM", one_of("HS256", "ES256", "EdDSA"), "HS256")
TOKEN_ISSUER = read("TOKEN_ISSUER", words, "gamification")
TOKEN_AUDIENCE = read("TOKEN_AUDIENCE", words, "gamification-players")
# The keys: the first signs, all verify. TOKEN_KEY is the short way to say that there is one.
one_token_key, public_token_key = read("TOKEN_KEY", pem, ""), read("TOKEN_PUBLIC_KEY", pem, "")
no_token_keys: list[str] = []
many_token_keys = read("TOKEN_KEYS", pems, no_token_keys)
if many_token_keys and (one_token_key or public_token_key):
    refuse("TOKEN_KEYS", "stands in place of TOKEN_KEY and TOKEN_PUBLIC_KEY: leave those two empty")
if not many_token_keys and not one_token_key and TOKEN_ALGORITHM == "HS256":
    # Derived, so that a leaked token key says nothing about the key that signs sessions.
    derived = [hmac.new(key.encode(), b"player tokens", hashlib.sha256) for key in (SECRET_KEY, *SECRET_KEY_FALLBACKS)]
    token_keys = [token_key(each.hexdigest(), TOKEN_ALGORITHM) for each in derived]
else:
    try:
        token_keys = [token_key(text, TOKEN_ALGORITHM) for text in many_token_keys or [one_token_key]]
    except ValueError as problem:
        refuse("TOKEN_KEYS" if many_token_keys else "TOKEN_KEY", str(problem))
if not token_keys[0].signs:
    refuse("TOKEN_KEYS" if many_token_keys else "TOKEN_KEY", "the first key signs: a private key is needed")
if public_token_key and TOKEN_ALGORITHM != "HS256":
    try:
        public_token_key = token_key(public_token_key, TOKEN_ALGORITHM).verifies
    except ValueError:
        refuse("TOKEN_PUBLIC_KEY", "expected a public key in PEM")
    if public_token_key != token_keys[0].verifies:
        refuse("TOKEN_PUBLIC_KEY", "does not belong to TOKEN_KEY")
TOKEN_KEY_ID, TOKEN_KEY, TOKEN_PUBLIC_KEY = token_keys[0]
TOKEN_KEYS = {key.id: key.verifies for key in token_keys}
