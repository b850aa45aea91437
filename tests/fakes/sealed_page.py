"""Opens a sealed page as a browser does, and takes it apart without one."""

import base64
import hashlib
import json
import re

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def open_page(page: str, passphrase: str) -> str:
    """The HTML that is shown once the passphrase is right; an exception if it is not."""
    found = re.search(r'<script type="application/json" id="sealed">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    sealed = json.loads(found.group(1))
    salt, nonce, ciphertext = (base64.b64decode(sealed[name]) for name in ("salt", "nonce", "page"))
    key = hashlib.pbkdf2_hmac("sha256", passphrase.replace("-", "").encode(), salt, sealed["rounds"])
    return AESGCM(key).decrypt(nonce, ciphertext, None).decode()


def data_of(html: str) -> dict[str, object]:
    """The answer as data, which the page offers to save."""
    found = re.search(r"data:application/json;base64,([\w+/=]+)", html)
    assert found is not None
    return dict(json.loads(base64.b64decode(found.group(1))))
