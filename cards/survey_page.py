"""The public page of a survey: plain HTML that needs no script, no cookie and nothing from elsewhere, on a phone as well."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Final

from cards.surveys import label
from cards.texts import dated, say
from domain.people import School
from domain.report_form import Fault
from domain.surveys import SurveyQuestion, SurveySheet

_STYLE: Final = """
:root{color-scheme:light dark;--ground:#f4f6f6;--raised:#fff;--line:#7c8a8a;--ink:#1b2424;--soft:#556262;--accent:#0f6b6b;
--on-accent:#fff;--hover:#e2f1f0;--danger:#b3261e;--danger-soft:#fdecea;--info-soft:#eaf3fb}
@media (prefers-color-scheme:dark){:root{--ground:#0f1415;--raised:#1c2425;--line:#7d8c8d;--ink:#e7eded;--soft:#a3b1b1;
--accent:#6fd0c8;--on-accent:#06211f;--hover:#17393a;--danger:#ff9f96;--danger-soft:#3b1a18;--info-soft:#14293c}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);overflow-wrap:break-word;
font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif}
main{max-width:40rem;margin:0 auto;padding:1.25rem 1rem 3rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.1rem;margin:0 0 .35rem}p{margin:.5rem 0}
.school{color:var(--soft);margin:0 0 .25rem}
.box{background:var(--info-soft);border-radius:12px;padding:.75rem 1rem;margin:1rem 0}
.box.wrong{background:var(--danger-soft);border:2px solid var(--danger)}
.box ul{margin:.35rem 0 0;padding-left:1.2rem}.box.wrong a{color:var(--danger)}
fieldset{background:var(--raised);border:1px solid var(--line);border-radius:12px;margin:1rem 0;padding:.25rem 1rem 1rem;
min-width:0}
fieldset.wrong{border:2px solid var(--danger)}
legend{font-weight:650;padding:.5rem 0 .25rem;float:left;width:100%}
legend+*{clear:both}
.error{color:var(--danger);font-weight:650;margin:0 0 .35rem}
.option{display:flex;gap:.75rem;align-items:center;padding:.6rem .5rem;border-radius:8px;cursor:pointer;min-height:2.75rem}
.option:hover{background:var(--hover)}
.option input{width:1.35rem;height:1.35rem;margin:0;flex:none;accent-color:var(--accent)}
button{font:inherit;font-weight:650;background:var(--accent);color:var(--on-accent);border:0;border-radius:8px;
padding:.8rem 1.5rem;min-height:3rem;cursor:pointer;width:100%}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
@media (min-width:40em){button{width:auto}main{padding-top:2.5rem}}
"""
_STYLE_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a browser lets the page do: be looked at, and send its form back to where it came from."""


def sheet_page(school: School, sheet: SurveySheet) -> str:
    """The form; with what is wrong above it, and at each question, where something is."""
    kind = sheet.type
    head = f'<p class="school">{_e(school.name)}</p><h1>{_e(kind.title)}</h1>'
    about = f"<p>{_e(kind.about)}</p><p>{_e(say('survey_page.intro'))} {_e(say('survey_page.kept'))}</p>"
    questions = "".join(_question(sheet, question) for question in kind.questions)
    form = (
        f'<form method="post" novalidate><input type="hidden" name="page" value="{_e(sheet.page)}">'
        f'{questions}<button type="submit">{_e(say("survey_page.send"))}</button></form>'
    )
    until = f"<p>{_e(say('survey_page.until', when=dated(school, sheet.closes_at)))}</p>"
    title = say("survey_page.wrong_before", title=kind.title) if sheet.faults or sheet.stale else kind.title
    return _page(title, f"{_summary(sheet)}{head}{about}{_help()}{form}{until}")


def _summary(sheet: SurveySheet) -> str:
    """What is wrong, in one place, each with a link to where; a browser comes to it first, and so does a screen reader."""
    if not sheet.faults and not sheet.stale:
        return ""
    if not sheet.faults:
        title, rest = say("survey_page.stale_title"), f"<p>{_e(say('survey_page.stale'))}</p>"
    else:
        title = say("survey_page.wrong_title")
        links = (_wrong(q, sheet.faults[q.id]) for q in sheet.type.questions if q.id in sheet.faults)
        rest = f"<ul>{''.join(links)}</ul>"
    return f'<div class="box wrong" role="alert" aria-labelledby="wrong"><h2 id="wrong">{_e(title)}</h2>{rest}</div>'


def _wrong(question: SurveyQuestion, fault: Fault) -> str:
    told = say(f"survey_page.fault_{fault}", question=question.text)
    return f'<li><a href="#{_id(question, question.values[0])}">{_e(told)}</a></li>'


def _question(sheet: SurveySheet, question: SurveyQuestion) -> str:
    wrong, told = question.id in sheet.faults, f"wrong-{question.id}"
    error = f'<p class="error" id="{told}">{_e(say("survey_page.choose"))}</p>' if wrong else ""
    marked = f' class="wrong" aria-describedby="{told}"' if wrong else ""
    options = "".join(
        f'<label class="option" for="{_id(question, value)}"><input type="radio" id="{_id(question, value)}" '
        f'name="q-{question.id}" value="{value}"{" checked" if sheet.chosen.get(question.id) == value else ""}>'
        f"<span>{_e(label(question, value))}</span></label>"
        for value in question.values
    )
    return f"<fieldset{marked}><legend>{_e(question.text)}</legend>{error}<div>{options}</div></fieldset>"


def _id(question: SurveyQuestion, value: str) -> str:
    return f"a-{question.id}-{value}"


def _help() -> str:
    title, text = _e(say("survey_page.help_title")), _e(say("survey_page.not_for_help"))
    return f'<div class="box"><h2>{title}</h2><p>{text}</p></div>'


def thanks_page(school: School, title: str) -> str:
    """That the answers are counted: the same for whoever sends them twice."""
    said = f"<p>{_e(say('survey_page.thanks'))}</p><p>{_e(say('survey_page.once'))}</p>"
    head = f'<p class="school">{_e(school.name)}: {_e(title)}</p><h1>{_e(say("survey_page.thanks_title"))}</h1>'
    return _page(say("survey_page.thanks_title"), f"{head}{said}{_help()}")


def told_page(what: str) -> str:
    """A page with nothing of any survey: `gone`, `busy` or `refused`."""
    title = say(f"survey_page.title_{what}")
    return _page(title, f"<h1>{_e(title)}</h1><p>{_e(say(f'survey_page.told_{what}'))}</p>{_help()}")


def _page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{_e(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _e(text: str) -> str:
    return escape(text, quote=True)
