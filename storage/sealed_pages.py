"""A page that only who has its passphrase can read: one file, for any browser, without a network and without this program.

The passphrase is made here, of 100 bits; the key is PBKDF2-HMAC-SHA256 of it, the page AES-256-GCM under that. Both are what
browsers can do by themselves.
"""

import base64
import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

ROUNDS = 600_000
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"
"""Without I, L, O and U, which are misread."""
_GROUPS, _OF = 5, 4
_SEALED: Final = re.compile(r'<script type="application/json" id="sealed">([^<]*)</script>')
_NAME: Final = r"-\d{4}-\d\d-\d\d-[0-9a-f]{8}\.html"

_SCRIPT = """
const from64 = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
document.getElementById("ask").addEventListener("submit", async event => {
  event.preventDefault();
  const sealed = JSON.parse(document.getElementById("sealed").textContent);
  const typed = document.getElementById("passphrase").value.toUpperCase().replace(/[^A-Z0-9]/g, "");
  const told = document.getElementById("told");
  told.textContent = told.dataset.wait;
  try {
    const raw = await crypto.subtle.importKey("raw", new TextEncoder().encode(typed), "PBKDF2", false, ["deriveKey"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: from64(sealed.salt), iterations: sealed.rounds };
    const key = await crypto.subtle.deriveKey(how, raw, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
    const open = await crypto.subtle.decrypt({ name: "AES-GCM", iv: from64(sealed.nonce) }, key, from64(sealed.page));
    document.body.innerHTML = new TextDecoder().decode(open);
  } catch { told.textContent = told.dataset.wrong; }
});
"""
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; width: 100%; }
td, th { border: 1px solid #767676; padding: .4rem; text-align: left; vertical-align: top; }
td { white-space: pre-wrap; } input, button { font: inherit; padding: .4rem; } .found { background: #fff3c4; }
@media print { .review { display: none; } }
"""


class PageError(Exception):
    """That is not its passphrase, or it is no page of ours."""


def new_passphrase() -> str:
    """Five groups of four letters and digits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_OF)) for _ in range(_GROUPS))


def page_name(prefix: str, at: datetime, number: str) -> str:
    """What a page is called in the folder: of which school and day it is, and not whom it is about. `number`: in hex."""
    return f"{prefix}-{at:%Y-%m-%d}-{number[:8]}.html"


def digest_of(page: str) -> str:
    """By which a page is known to be as it was made."""
    return hashlib.sha256(page.encode()).hexdigest()


def seal_page(words: Mapping[str, str], body: str, passphrase: str, style: str = "") -> str:
    """A page that asks for its passphrase and then shows `body`, which is HTML.

    `words`: what it says until then, as plain text: its title, until when it lies there, ask, go, wait and wrong. `style`: more
    rules for how the body looks.
    """
    style = _STYLE + style
    said = {name: escape(text) for name, text in words.items()}
    salt, nonce = os.urandom(16), os.urandom(12)
    page = AESGCM(_key(passphrase, salt)).encrypt(nonce, body.encode(), None)
    sealed = {"rounds": ROUNDS} | {
        n: base64.b64encode(v).decode() for n, v in (("salt", salt), ("nonce", nonce), ("page", page))
    }
    allowed = f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{said["title"]}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{allowed}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body>'
        f'<h1>{said["title"]}</h1><form id="ask"><p>{said["until"]}</p><p><label for="passphrase">{said["ask"]}</label></p>'
        '<p><input id="passphrase" size="28" autocomplete="off" spellcheck="false" required>'
        f" <button>{said['go']}</button></p>"
        f'<p id="told" role="status" data-wait="{said["wait"]}" data-wrong="{said["wrong"]}"></p></form>'
        f'<script type="application/json" id="sealed">{json.dumps(sealed)}</script><script>{_SCRIPT}</script></body></html>\n'
    )


def open_page(page: str, passphrase: str) -> str:
    """What a page shows to whoever has its passphrase: HTML.

    Raises:
        PageError: it does not open.
    """
    try:
        found = _SEALED.search(page)
        sealed: Any = json.loads(found.group(1)) if found else None
        salt, nonce, content = (base64.b64decode(sealed[name], validate=True) for name in ("salt", "nonce", "page"))
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, content, None).decode()
    except (InvalidTag, ValueError, TypeError, LookupError):
        raise PageError from None


def pages_in(folder: Path, prefix: str) -> dict[str, tuple[datetime, str]]:
    """The files of a folder that are called as pages of a school are, with when each was written and its digest.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return {}
    files = [f for f in folder.iterdir() if re.fullmatch(re.escape(prefix) + _NAME, f.name) and f.is_file()]
    return {f.name: (datetime.fromtimestamp(f.stat().st_mtime, UTC), _file_digest(f)) for f in files}


def remove_page(folder: Path, name: str) -> None:
    """Deletes a page. One that is gone already is gone.

    Raises:
        OSError: it could not be deleted.
    """
    (folder / name).unlink(missing_ok=True)


def _file_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def keep_page(folder: Path, name: str, page: str) -> Path:
    """Writes a page into a folder, which is made if it is not there, for its owner alone to read and never over another.

    Raises:
        OSError: it could not be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(page)
        file.flush()
        os.fsync(file.fileno())
    return path


def _key(passphrase: str, salt: bytes) -> bytes:
    typed = "".join(c for c in passphrase.upper() if c.isalnum())
    return PBKDF2HMAC(hashes.SHA256(), 32, salt, ROUNDS).derive(typed.encode())


def _hash(of: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(of.encode()).digest()).decode()}'"
