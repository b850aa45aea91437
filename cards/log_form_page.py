"""The log form as HTML: within the sealed page, with the other forms to save, and as a page of its own. It has no script."""

import base64
from html import escape

from cards.log_form import Block, Filled, Sheet
from cards.log_form_files import csv_cpoms, csv_myconcern, plain_text
from cards.texts import say

FORMS = {"pdf": "application/pdf", "csv-cpoms": "text/csv", "csv-myconcern": "text/csv", "text": "text/plain"}
"""What can be saved beside the page itself, with the media type of each."""
SAVED_AS = {"pdf": "pdf", "csv-cpoms": "cpoms", "csv-myconcern": "myconcern", "text": "plain"}
"""What each is called among the sentences."""
_ENDINGS = {"pdf": ".pdf", "csv-cpoms": "-cpoms.csv", "csv-myconcern": "-myconcern.csv", "text": ".txt", "html": ".html"}


def made_of(sheet: Sheet) -> dict[str, bytes]:
    """The form in every form that it can be saved in, by name. Of a private case there is none for a pupils' system."""
    # What draws it takes a tenth of a second to load, and most days nobody asks for it.
    from cards.log_form_print import printed_log

    found = {"pdf": printed_log(sheet), "text": plain_text(sheet).encode()}
    for name, text in (("csv-cpoms", csv_cpoms(sheet)), ("csv-myconcern", csv_myconcern(sheet))):
        if text:
            # The mark at the beginning tells a spreadsheet that it is UTF-8.
            found[name] = text.encode("utf-8-sig")
    return {name: found[name] for name in FORMS if name in found}


def file_name(reference: str, form: str) -> str:
    """What a saved form is called: by the case's number, and nobody's name."""
    return f"{reference}{_ENDINGS[form]}"


def log_page(sheet: Sheet) -> str:
    """What the sealed page shows: the form, and above it, not printed, the ways to save or copy it."""
    saved = "".join(f"<li>{_link(sheet, form, content)}</li>" for form, content in made_of(sheet).items())
    apart = f"<p>{_e(say('log_form.private'))}</p>" if sheet.record.case.incident.private else ""
    return (
        f'<section class="review" aria-labelledby="save"><h2 id="save">{_e(say("log_form.save"))}</h2>'
        f"<p>{_e(say('log_form.saving'))}</p>{apart}<ul>{saved}</ul>"
        f'<h2 id="copy">{_e(say("log_form.copy"))}</h2>'
        f'<textarea aria-labelledby="copy" readonly rows="8" cols="60">{_e(plain_text(sheet))}</textarea></section>'
        f"{log_fragment(sheet)}"
    )


def _link(sheet: Sheet, form: str, content: bytes) -> str:
    data, name = base64.b64encode(content).decode(), _e(file_name(sheet.reference, form))
    label = _e(say(f"log_form.save_{SAVED_AS[form]}"))
    return f'<a id="save-{form}" download="{name}" href="data:{FORMS[form]};base64,{data}">{label}</a>'


def log_fragment(sheet: Sheet) -> str:
    """The form itself."""
    warning = f'<p class="warning">{_e(sheet.warning)}</p>' if sheet.warning else ""
    note = f"<p>{_e(sheet.note)}</p>" if sheet.note else ""
    rows = "".join(f'<div class="row">{"".join(map(_field, row))}</div>' for row in sheet.rows)
    rest = "".join(f'<div class="row">{_field(field)}</div>' for field in sheet.rest)
    further = f"<h2>{_e(say('log_form.rest'))}</h2>{rest}" if rest else ""
    return (
        f'<main class="log"><h1>{_e(sheet.heading)}</h1><p>{_e(sheet.school.name)}: {_e(sheet.reference)}</p>'
        f'<p class="small">{_e(sheet.source)}</p>{warning}{note}{rows}{further}'
        f'<p class="small">{_e(sheet.made)} {_e(say("log_form.confidential"))}</p></main>'
    )


def log_html(title: str, fragment: str) -> str:
    """The form as a page of its own, of what the sealed page holds."""
    return (
        '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_e(title)}</title><style>{_STYLE}{LOG_STYLE}</style></head><body>{fragment}</body></html>\n"
    )


def _field(field: Filled) -> str:
    hint = f' <span class="hint">({_e(field.hint)})</span>' if field.hint else ""
    clauses = f'<p class="small">{_e(field.clauses)}</p>' if field.clauses else ""
    body = "".join(map(_block, field.blocks)) or f'<p class="by-hand">{_e(say("log_form.by_hand"))}</p>'
    if field.signs and field.empty:
        body = f'<p class="by-hand">{_e(say("log_form.not_signed"))}</p>'
    return f"<section><h2>{_e(field.label)}{hint}</h2>{clauses}{body}</section>"


def _block(block: Block) -> str:
    head = f"<h3>{_e(block.head)}</h3>" if block.head else ""
    return head + "".join(f"<p>{_e(line)}</p>" for line in block.lines if line.strip())


def _e(text: str) -> str:
    return escape(text, quote=True)


_STYLE = "body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:60rem;margin:0 auto;padding:1rem}"
LOG_STYLE = """
.log h1{font-size:1.6rem;margin:.5rem 0}.log h2{font-size:1rem;margin:0}.log h3{font-size:.95rem;margin:.6rem 0 0}
.log p{margin:.2rem 0;overflow-wrap:anywhere}.log .small{font-size:.85rem;color:#4a4a4a}.log .hint{font-weight:400}
.log .row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(16rem,100%),1fr))}
.log .row section{border:1px solid #767676;padding:.5rem .7rem;margin:0 -1px -1px 0}
.log .warning{border:2px solid #8a1c4a;padding:.5rem}.log .by-hand{color:#4a4a4a;min-height:2.5rem}
.log>h2{margin:1.5rem 0 .5rem}.review{margin:0 0 2rem;padding:0 0 1rem;border-bottom:1px solid #767676}
textarea{width:100%;font:inherit;box-sizing:border-box}
@media print{.log .row section{break-inside:auto}}
"""
"""Also stands in the sealed page, whose rules for it are fixed when it is made."""
