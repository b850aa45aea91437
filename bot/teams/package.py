"""The app package that an administrator uploads to Teams: the manifest, filled in for one registration, and two icons."""

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings import SettingsError
from cards.texts import say

MANIFEST: Final = "manifest.json"
ICONS: Final = ("color.png", "outline.png")
DEVELOPER: Final = "The school's IT"
VERSION: Final = "1.0.0"
"""Of the package, not of the program: to be raised when appPackage/ changes, or Teams does not take the change."""
UNSET_WEBSITE: Final = "https://example.org/"
"""Stands where no address was given: Teams takes no package without one. The domain is reserved and nobody's."""

_FOLDER: Final = Path(__file__).parents[2] / "appPackage"
"""Template and icons. It stands beside the packages, in an installed program too, as policies/ does."""
_GUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE
)
_URL: Final = re.compile(r"https://[^\s/?#]+\.[^\s/?#]+[^\s]*", re.IGNORECASE)
_VERSION: Final = re.compile(r"(?:0|[1-9]\d{0,4})(?:\.(?:0|[1-9]\d{0,4})){2}")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_LONGEST_NAME, _LONGEST_DEVELOPER, _LONGEST_URL = 30, 32, 2048
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest moment a zip file can tell. With it, the same package is the same to the byte whenever it is made."""
_UNIX: Final = 3
_READABLE: Final = 0o100644 << 16


class PackageError(SettingsError):
    """No package can be made of what was given. The message names it and says what to do."""


def built_manifest(
    app_id: str,
    *,
    domain: str = "",
    name: str = "",
    developer: str = DEVELOPER,
    website: str = "",
    privacy: str = "",
    terms: str = "",
    version: str = VERSION,
) -> dict[str, Any]:
    """The manifest, filled in.

    Args:
        app_id: the Microsoft App ID of the bot's registration; the app in Teams has the same.
        domain: the host at which Microsoft reaches the bot, if it is to stand in the manifest.
        name: what people see in Teams; left out, the bot's own.
        developer: who answers for it.
        website: where to ask about it; left out, the domain.
        privacy: the privacy notice; left out, the website.
        terms: the terms of use; left out, the website.
        version: of the package; a school that changes a name or an address raises it.

    Raises:
        PackageError: one of them is not what Teams would take.
    """
    website = website or (f"https://{domain}/" if domain else UNSET_WEBSITE)
    given = {
        "app_id": app_id.strip().lower(),
        "domain": domain,
        "name": name or say("bot.name"),
        "developer": developer,
        "website": website,
        "privacy": privacy or website,
        "terms": terms or website,
        "version": version,
    }
    _check(given)
    template: dict[str, Any] = json.loads((_FOLDER / MANIFEST).read_text(encoding="utf-8"))
    manifest: dict[str, Any] = _filled(template, given)
    manifest["validDomains"] = [d for d in manifest["validDomains"] if d]
    return manifest


def write_package(manifest: Mapping[str, Any], out: Path) -> None:
    """Writes the zip file: manifest and icons, at its top."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    files = {MANIFEST: text.encode(), **{icon: (_FOLDER / icon).read_bytes() for icon in ICONS}}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(out, "w") as package:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, _EPOCH)
                # As on any machine, so that the bytes do not tell where it was made.
                entry.create_system, entry.external_attr = _UNIX, _READABLE
                entry.compress_type = zipfile.ZIP_STORED
                package.writestr(entry, content)
    except OSError as trouble:
        raise PackageError(f"{out} cannot be written: {trouble.strerror}. Choose another place with --out.") from None


def make_package(app_id: str, out: Path, **given: str) -> int:
    """`esafety teams-package`: writes the package and says what to do with it."""
    manifest = built_manifest(app_id or _AppId().microsoft_app_id, **given)
    write_package(manifest, out)
    print(f"{out}  {manifest['name']['short']} {manifest['version']}, for the bot {manifest['id']}")
    if manifest["developer"]["websiteUrl"] == UNSET_WEBSITE:
        print(
            "  Its page in Teams has no address of yours yet: give --website, and --privacy with the school's privacy notice."
        )
    print("  Next: Teams admin centre, Teams apps, Manage apps, Actions, Upload new app. docs/install-teams.md has the rest.")
    return 0


class _AppId(BaseSettings):
    """That one setting: the package is often wanted before the others are there."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", hide_input_in_errors=True)

    microsoft_app_id: str = ""


def _check(given: Mapping[str, str]) -> None:
    app_id = given["app_id"]
    if not app_id:
        raise PackageError(
            "MICROSOFT_APP_ID is missing: set it in .env or give --app-id. It stands on the Azure portal's page of your bot,"
            " Configuration, Microsoft App ID."
        )
    if not _GUID.fullmatch(app_id):
        raise PackageError(
            "the app id must look like 00000000-0000-0000-0000-000000000000: copy it from the Azure portal's page of your bot,"
            " Configuration, Microsoft App ID."
        )
    if given["domain"] and not _DOMAIN.fullmatch(given["domain"]):
        raise PackageError("--domain must be a host name alone, such as esafety.example.sch.uk: no https://, port or path.")
    for what, longest in (("name", _LONGEST_NAME), ("developer", _LONGEST_DEVELOPER)):
        if not 1 <= len(given[what].strip()) <= longest or not given[what].isprintable():
            raise PackageError(f"--{what} must have 1 to {longest} characters.")
    for what in ("website", "privacy", "terms"):
        if not _URL.fullmatch(given[what]) or len(given[what]) > _LONGEST_URL:
            raise PackageError(f"--{what} must be an address that begins with https://.")
    if not _VERSION.fullmatch(given["version"]):
        raise PackageError("--version must be three numbers, such as 1.0.0; a changed package needs a higher one.")


def _filled(piece: Any, given: Mapping[str, str]) -> Any:
    """The template with its placeholders filled; what is filled in is not looked at again."""
    if isinstance(piece, dict):
        return {key: _filled(value, given) for key, value in piece.items()}
    if isinstance(piece, list):
        return [_filled(value, given) for value in piece]
    if isinstance(piece, str):
        return _PLACEHOLDER.sub(lambda found: given[found[1]], piece)
    return piece
