"""Bearer tokens: a believed one, and every known way to forge one."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Response

from app.errors import ConfigError
from app.host.application import WebApi
from schemas.charge_process import ChargeProcess
from tests import truth

ISSUER, AUDIENCE = "https://login.example", "chargecloud"
DENIED = b'{"Message":"Authorization has been denied for this request."}'
OWN = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
PEM = OWN.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _jwk(key: Any, key_id: str) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if key is not CURVE else jwt.algorithms.ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": key_id, "use": "sig"}


def _claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 60, "nbf": now - 60, "user_id": 1}
    return {name: value for name, value in {**claims, **changed}.items() if value is not None}


def _token(key: Any = OWN, alg: str = "RS256", kid: Any = "own", **claims: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(_claims(**claims), key, algorithm=alg, headers=headers)


def _part(value: object) -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def _forged(header: dict[str, Any], secret: bytes = b"") -> str:
    """A token with any header, signed by HMAC with any secret."""
    signed = _part(header) + b"." + _part(_claims())
    return (signed + b"." + _part(hmac.digest(secret, signed, "sha256"))).decode()


@pytest.fixture
def app(make_app: Callable[..., WebApi], tmp_path: Path) -> WebApi:
    """An application that believes one key's tokens."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [_jwk(OWN, "own"), _jwk(CURVE, "curve")]}))
    return make_app(jwt_jwks=str(path), jwt_issuer=ISSUER, jwt_audience=AUDIENCE)


def _ask(app: WebApi, token: str, user_id: str = "1", scheme: str = "Bearer") -> truth.Answer:
    headers = [("Host", "a"), ("Authorization", f"{scheme} {token}")]
    return truth.call(app, f"/ChargeProcess/Status?user_id={user_id}", headers)


@pytest.mark.parametrize("claim", [1, "1"])
def test_a_believed_token_reads_its_own_user(app: WebApi, claim: object) -> None:
    """The claim may be a number or its text."""
    assert _ask(app, _token(user_id=claim)).status == 200
    assert _ask(app, _token(user_id=claim), scheme="bearer").status == 200


def test_another_user_is_forbidden(app: WebApi) -> None:
    """403 in the shape of 401."""
    answer = _ask(app, _token(), user_id="2")

    assert (answer.status, answer.body) == (403, DENIED)


def test_an_action_that_is_asked_by_another_id_is_closed_to_tokens(app: WebApi) -> None:
    """The user 1 is not the owner of the station 1."""

    @app.action("Station", "Status", "station_id", ChargeProcess)
    def view(station_id: int) -> Response:
        return Response("open")

    headers = [("Host", "a"), ("Authorization", f"Bearer {_token()}")]

    assert truth.call(app, "/Station/Status?station_id=1", headers).status == 403
    assert truth.call(app, "/Help", headers).status == 200


@pytest.mark.parametrize(("user_id", "status"), [("1", "200 OK"), ("2", "403 Forbidden")])
def test_the_help_pages_form_asks_with_the_token(app: WebApi, user_id: str, status: str) -> None:
    """It reads what its sender may read, and nothing else."""
    headers = [("Host", "a"), ("Authorization", f"Bearer {_token()}")]
    page = f"/Help/Try/GET-ChargeProcess-Status_user_id?value={user_id}"

    assert f"\n{status}\n" in truth.call(app, page, headers).body.decode()


ATTACKS: dict[str, Callable[[], str]] = {
    "none": lambda: (_part({"alg": "none"}) + b"." + _part(_claims()) + b".").decode(),
    "None": lambda: _forged({"alg": "None", "kid": "own"}),
    "nOnE without signature": lambda: (
        _forged({"alg": "nOnE", "kid": "own"}).rpartition(".")[0] + "."
    ),
    "no algorithm": lambda: _forged({"kid": "own"}),
    "algorithm as a list": lambda: _forged({"alg": ["RS256"], "kid": "own"}),
    "key confusion: HMAC with the public key": lambda: _forged({"alg": "HS256", "kid": "own"}, PEM),
    "HMAC with an empty secret": lambda: _forged({"alg": "HS256", "kid": "own"}),
    "an algorithm that is not pinned": lambda: _token(alg="RS512"),
    "an algorithm that is not pinned, of a right key": lambda: _token(CURVE, "ES256", "curve"),
    "another family's key by its id": lambda: _token(OWN, kid="curve"),
    "another key": lambda: _token(OTHER),
    "another key without an id": lambda: _token(OTHER, kid=None),
    "its own key in the header": lambda: jwt.encode(
        _claims(), OTHER, algorithm="RS256", headers={"jwk": _jwk(OTHER, "own"), "kid": "own"}
    ),
    "a key's place in the header": lambda: jwt.encode(
        _claims(), OTHER, algorithm="RS256", headers={"jku": "http://127.0.0.1:9/", "kid": "own"}
    ),
    "a critical header": lambda: jwt.encode(
        _claims(), OWN, algorithm="RS256", headers={"crit": ["exp"], "kid": "own"}
    ),
    "kid: a path": lambda: _token(OTHER, kid="../../../../dev/null"),
    "kid: SQL": lambda: _token(OTHER, kid="own' or '1'='1"),
    "kid: a URL": lambda: _token(OTHER, kid="http://127.0.0.1:9/key"),
    "kid: empty": lambda: _token(OTHER, kid=""),
    "kid: a list": lambda: _forged({"alg": "RS256", "kid": ["own"]}),
    "kid: an object": lambda: _forged({"alg": "RS256", "kid": {"own": 1}}),
    "kid: NUL": lambda: _token(OTHER, kid="own\0"),
    "expired": lambda: _token(exp=int(time.time()) - 60),
    "never expires": lambda: _token(exp=None),
    "not yet valid": lambda: _token(nbf=int(time.time()) + 60),
    "another audience": lambda: _token(aud="other"),
    "no audience": lambda: _token(aud=None),
    "another issuer": lambda: _token(iss="https://evil.example"),
    "an issuer that begins alike": lambda: _token(iss=ISSUER + ".evil.example"),
    "no issuer": lambda: _token(iss=None),
    "no user": lambda: _token(user_id=None),
    "user: true": lambda: _token(user_id=True),
    "user: 1.0": lambda: _token(user_id=1.0),
    "user: a list": lambda: _token(user_id=[1]),
    "user: other digits": lambda: _token(user_id="\u0661"),
    "user: padded": lambda: _token(user_id=" 1"),
    "huge": lambda: _token(filler="x" * 10_000),
    "deep header": lambda: (_part(b'{"a":' * 1000 + b"1" + b"}" * 1000) + b".e30.x").decode(),
    "changed claims": lambda: ".".join(
        [_token().split(".")[0], _part(_claims(user_id=2)).decode(), _token().split(".")[2]]
    ),
    "no signature": lambda: _token().rpartition(".")[0] + ".",
    "two parts": lambda: _token().rpartition(".")[0],
    "five parts": lambda: _token() + ".a.b",
    "no text": lambda: "",
    "not base64": lambda: "%%%.%%%.%%%",
    "not ASCII": lambda: "\xff\xfe",
    "two tokens": lambda: f"{_token()},Bearer {_token()}",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_token_is_refused(app: WebApi, attack: str) -> None:
    """401 with Web API's words and a challenge, whatever is wrong."""
    answer = _ask(app, ATTACKS[attack]())

    assert (answer.status, answer.body) == (401, DENIED)
    assert answer.header("WWW-Authenticate") == "Bearer"


@pytest.mark.parametrize("missing", ["jwt_issuer", "jwt_audience"])
def test_tokens_need_an_issuer_and_an_audience(
    make_app: Callable[..., WebApi], missing: str
) -> None:
    """A key set alone would believe tokens made for others."""
    settings = {"jwt_jwks": "/jwks", "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, missing: None}

    with pytest.raises(ConfigError, match=f"needs CHARGECLOUD_{missing.upper()}"):
        make_app(**settings)


@pytest.mark.parametrize(("alg", "status"), [("RS256", 401), ("PS256", 200), ("RS384", 200)])
def test_a_key_without_an_algorithm_may_be_used_with_each_that_is_allowed(
    make_app: Callable[..., WebApi], tmp_path: Path, alg: str, status: int
) -> None:
    """Many issuers name none; what JWT_ALGORITHMS leaves out is refused all the same."""
    path = tmp_path / "jwks.json"
    key = {name: value for name, value in _jwk(OWN, "own").items() if name != "alg"}
    path.write_text(json.dumps({"keys": [key]}))
    app = make_app(
        jwt_jwks=str(path),
        jwt_issuer=ISSUER,
        jwt_audience=AUDIENCE,
        jwt_algorithms=("PS256", "RS384"),
    )

    assert _ask(app, _token(alg=alg)).status == status


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"keys":[]}', '{"keys":[1]}'])
def test_a_file_without_keys_stops_the_start(
    make_app: Callable[..., WebApi], tmp_path: Path, text: str | None
) -> None:
    """One line with the setting, the file and the reason."""
    path = tmp_path / "jwks.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ConfigError, match=f"^CHARGECLOUD_JWT_JWKS: no keys .* {path}: "):
        make_app(jwt_jwks=str(path), jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
