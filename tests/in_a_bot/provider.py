"""An identity provider (OpenID Connect) on loopback: real keys, and the faults of real ones."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from rasa_metadata.testing.processes import free_port

AUDIENCE = "bot"


def private_key(method, bits=2048):
    if method[0] in "RP":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return ec.generate_private_key(ec.SECP256R1()) if method == "ES256" else _ed25519()


def _ed25519():
    return ed25519.Ed25519PrivateKey.generate()


class IdentityProvider:
    """Its keys are `{kid: (method, private key)}`, all of them published, the last one signs.

    `fault` is what it does instead of answering; `fetched` counts who asked for its keys.
    """

    def __init__(self, path=""):
        self.port, self.fault, self.fetched, self.approved = free_port(), None, 0, False
        self.issuer = f"http://127.0.0.1:{self.port}{path}"
        self.keys, self.server = {}, None
        self.device = {"verification_uri": f"{self.issuer}/device", "user_code": "WDJB-MJHT"}
        self.device |= {"device_code": "d1", "interval": 0.1}
        self.rotate("first")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.answer(self)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who asked has gone
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def rotate(self, kid, method="RS256", withdraw=(), **options):
        """Sign with another key from now on."""
        self.keys[kid] = method, private_key(method, **options)
        for each in withdraw:
            del self.keys[each]

    def jwks(self):
        keys = []
        for kid, (method, private) in self.keys.items():
            jwk = get_default_algorithms()[method].to_jwk(private.public_key(), as_dict=True)
            keys.append({**jwk, "kid": kid, "use": "sig", "alg": method})
        return {"keys": keys}

    def token(self, kid=None, method=None, key=None, typ="at+jwt", without=(), header=(), **claims):
        """Return a token that is good for a minute; `claims` replace or add to its own."""
        kid = list(self.keys)[-1] if kid is None else kid
        now = time.time()
        content = {"iss": self.issuer, "aud": AUDIENCE, "sub": "auth0|5f7c", "iat": now}
        content = {**content, "exp": now + 60, **claims}
        for name in without:
            del content[name]
        used, private = self.keys.get(kid, (None, None))
        headers = {**({"kid": kid} if kid else {}), "typ": typ, **dict(header)}
        return jwt.encode(content, key or private, method or used, headers=headers)

    def bearer(self, **kwargs):
        return {"authorization": f"Bearer {self.token(**kwargs)}"}

    def discovery(self):
        names = ("device_authorization_endpoint", "token_endpoint")
        addresses = {name: f"{self.issuer}/{name}" for name in names}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **addresses}

    def answer(self, request):
        name = request.path.rpartition("/")[-1]
        self.fetched += name == "jwks"
        status, body = 200, b""
        if name == "jwks" and self.fault in FAULTS:
            status, body = FAULTS[self.fault]
            body = body if body is not None else {**self.jwks(), "more": "x" * 1_000_000}
        elif name == "openid-configuration":
            body = self.discovery()
        elif name == "jwks":
            body = self.jwks()
        elif name == "device_authorization_endpoint":
            body = self.device
        elif name == "token_endpoint":
            body = {"access_token": self.token()} if self.approved else PENDING
            self.approved = True
        if callable(body):
            body(request)
            return
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Location", f"{self.issuer}/elsewhere/jwks")
        request.end_headers()
        request.wfile.write(body)


def hang(request):
    time.sleep(30)


def drip(request):
    """Send something again and again, so that no pause is long."""
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(300):
            request.wfile.write(b" ")
            time.sleep(0.1)
    except OSError:
        pass


PENDING = {"error": "authorization_pending"}
FAULTS = {
    "answers 500": (500, b"{}"),
    "redirects": (302, b""),
    "sends no JSON": (200, b"<html>"),
    "sends a list": (200, b"[]"),
    "sends no keys": (200, b'{"keys": []}'),
    "sends a million bytes": (200, None),  # its keys among them
    "hangs": (200, hang),
    "sends a byte now and then": (200, drip),
}
