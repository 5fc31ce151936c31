"""Identity tokens as other libraries sign them: by PyJWT and by joserfc, with the keys of a test.

Both algorithms sign the same bytes in the same way each time, so tokens.json holds what these libraries write; the server's tests read it.
Written anew with:

    python tests/peers/tokens.py > tests/peers/tokens.json
"""

import base64
import json

import joserfc.jwk
import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# Where the clock of the server's tests stands.
NOW_S = 1_763_800_000
SEED = bytes([7]) * 32
SECRET = b"a secret of thirty-two bytes, ok"
CLAIMS = {"iss": "https://adforge.example", "aud": "adforge", "sub": "u-42", "iat": NOW_S, "exp": NOW_S + 3600, "jti": "1", "age_band": "adult"}

PRIVATE = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_pyjwt(algorithm):
    key = PRIVATE if algorithm == "EdDSA" else SECRET
    return jwt.encode(CLAIMS, key, algorithm=algorithm, headers={"kid": algorithm})


def by_joserfc(algorithm):
    header = {"alg": algorithm, "kid": "HS256" if algorithm == "HS256" else "EdDSA"}
    if algorithm == "HS256":
        key = joserfc.jwk.OctKey.import_key(SECRET)
    else:
        key = joserfc.jwk.OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": encode(PUBLIC), "d": encode(SEED)})
    return joserfc.jwt.encode(header, CLAIMS, key, algorithms=[algorithm])


def tokens():
    made = [{"by": "PyJWT", "alg": alg, "token": by_pyjwt(alg)} for alg in ("EdDSA", "HS256")]
    made += [{"by": "joserfc", "alg": alg, "token": by_joserfc(alg)} for alg in ("EdDSA", "Ed25519", "HS256")]
    return {"now_s": NOW_S, "public_key": encode(PUBLIC), "secret": SECRET.decode(), "tokens": made}


if __name__ == "__main__":
    print(json.dumps(tokens(), indent=1))
