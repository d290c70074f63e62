"""Makes tokens for the tests, as a site's backend would."""

import time

import jwt

KEY = "the key of the tests, " * 4  # long enough for HS512 too


def token(key=KEY, method="HS256", headers=None, without=(), **claims):
    """Return a token that is good for a minute; `claims` replace or add to its own."""
    content = {"sub": "u1", "exp": time.time() + 60, **claims}
    for name in without:
        del content[name]
    return jwt.encode(content, key, algorithm=method, headers=headers)


def bearer(**kwargs):
    return {"authorization": f"Bearer {token(**kwargs)}"}
