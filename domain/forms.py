"""In which form a question is put: whether something may be done, must be, or is so, or what, who, when and how it is.

What people see first is a verdict, and a verdict must answer the question as it was put: to "it must be wiped first", "can I
throw it away as it is?" is a no.
"""

import re

from domain.answers import Form

_SLIPS = {
    slip: word
    for word, slips in {
        "allowed": "alowd allowd alowed allwed alwd",
        "are": "r",
        "can": "cn cna kan",
        "could": "cud cld coud",
        "do": "doo",
        "does": "duz dos",
        "have": "hav haf hve",
        "how": "hw",
        "know": "kno",
        "need": "nead",
        "ok": "okey okk",
        "report": "reprt",
        "required": "reqired requird",
        "should": "shud shld shoud shuld",
        "tell": "tel",
        "what": "wot wat wht whut",
        "what's": "wots wats whts",
        "when": "wen whn",
        "where": "wher",
        "which": "wich",
        "who": "hoo hu woh",
        "why": "y wy",
        "would": "wud wld woud",
        "you": "u",
    }.items()
    for slip in slips.split()
}
"""How people in a hurry write the words by which a form is told; none of it is a word of its own."""
_SLIP = re.compile(rf"\b(?:{'|'.join(_SLIPS)})\b")
_TO = re.compile(
    r"\b((?:do|does|did) (?:i|we|they|he|she|you|staff|pupils) (?:have|need)|have (?:i|we) got|who (?:has|have|needs)|"
    r"allowed|ok) 2\b"
)
"""Where a figure is a word: "do i hav 2 sign"."""
_SENTENCE = re.compile(r"([^.!?;\n]+)(\??)")
_TAG = re.compile(
    r"\b(?:right|yeah|yes|ok|okay|fine|correct|innit|no harm|no problem|surely|is it not|"
    r"(?:ca|could|would|should|do|does|did|is|are|was|wo|has|have|must)n'?t (?:it|i|we|they|you|he|she|that|there)(?: so)?|"
    r"(?:is|are|does|do|can|will|need) (?:it|there|they|we|i|that))\s*$"
)
_SAID = re.compile(r'\w\W*[,:]? "[^"]*$')
"""What somebody is quoted as having asked."""
_OK = re.compile(r",\s*(?:ok|okay|fine|alright)\s*$|^\s*(?:ok|okay)\s*$")
"""Whether it may be done, in a word: "club photos on my phone, ok?"."""
_HOPES = re.compile(r"\b(?:so|surely|then|right)\b")
"""What makes the same a hope for a yes."""
_ONLY_MAY = re.compile(r"(?:so |and )?(?:can|could|may) (?:i|we|he|she|they)$")
"""A question of its own: "I'd like to film it. Can I?"."""
_PLAIN = re.compile(r"(?:and )?(?:is|are|would|will) (?:that|this|it|they)(?: be)? (?:ok|okay|fine|alright|all right|allowed)$")
"""The same, and no hope for a yes: "I'd like to post it. Is that OK?"."""
_NEED = re.compile(r"\b(?:needs?|must|have to|has to|got to|should)\b")
"""What is asked about as a duty."""
_NEED_NOT = re.compile(
    r"\b(?:do|does|did|have|has|had|am|is|are|was|were)(?:n'?t| not) (?:\w+ )?(?:have to|has to|needs?|got to|obliged|"
    r"required|bound)\b|\bneed(?:n'?t| not)\b|\bno (?:need|obligation|requirement|duty)\b|"
    r"\bnot (?:obliged|required|compulsory|mandatory|necessary)\b|\b(?:nobody|no one|noone) (?:has to|needs? to|need)\b"
)
"""What is hoped not to be a duty."""
_CONCLUDED = re.compile(
    r"\b(?:so|therefore|which means|meaning)\b"
    r"(?! (?:do|does|did|should|must|shall|can|could|may|am|are|is|have|has|would|will)\b)"
    r"(?: \w+){0,2}? (?:i|we|they|he|she|it|that|you|staff|teachers|pupils|parents)"
    r"(?:'s|'re|'m| can| may| could| might| am| are| is| need| do| has| have| must)\b"
)
"""What is put as if it followed: "they may, so naturally we can too?"."""
_ASKS = re.compile(
    r"(?:and |but |so )?(?:can|could|may|might|is|are|am|was|were|do|does|did|has|have|must|should|shall|would|will|if)\b"
)
_IS = re.compile(r"(?:and |but |so |then )?(?:is|isn't|are|aren't|was|were|do|does|don't|doesn't|did|has|have|will|would)\b")
"""How a sentence begins that asks whether something is so."""
_LEADING = re.compile(r",|\bso\b|\bsurely\b|\bthen\b|\bjust\b")
_WH = re.compile(r"(?:and |but |so )?(?:who|whose|whom|what|which|when|where|how|why)")
_WERE = re.compile(r"^were can\b")

_ME = "i|we|you|he|she|they|it"
_ANYBODY = (
    rf"{_ME}|staff|teachers?|pupils?|students?|kids|children|parents?|families|carers?|governors?|trustees|everyone|everybody|anyone|"
    r"somebody|someone|"
    r"the \w+|a \w+|an \w+|my \w+|our \w+|all \w+|every \w+"
)
_OUGHT = "(?:have to |need to |got to )?"
_REALLY = "(?:really |even |actually |always |still |also |both |all |each |ever )*"
_BOUND = "have to|has to|need|needs|needed|must|got to|supposed|meant|expected|required|obliged|bound|have got to"
_TELL = "tell|report|ring|call|inform|contact|go|take|speak|talk|say|phone|email|pass|alert|notify"
_ALLOWED = (
    "ok|okay|fine|alright|all right|allowed|permitted|acceptable(?! use)|good to go|free to|in the clear|welcome to|able to"
)
_CALLED = "(?:told|called|rung|informed|notified|contacted|alerted|involved|brought in|fetched|asked in)"
_LEARN = "know|hear|learn|get involved|be (?:told|informed|notified|alerted|made aware|brought in|involved)"
_LET = r"(?:let(?! \w+(?: \w+)? know)|allow)"
_SHORT_TAG, _LEAST_ASKED = 5, 3

_ASKED = "needs? to|has to|have to|ought to|must|should|shd|would"
_CARRY = "tell|report|inform|alert|notify|contact|involve|involv|bring in|(?:bring|hand|pass|take) (?:this|that|it|them)|pass"

# Each is looked for in a sentence; of two that begin at the same place the one that stands first here counts.
_THEREUPON = "(?:meant to |supposed to |be |get |just |now |then )*"
_DO_WE = "(?:(?:do|does|did|should|shall|must|would|need|have|am|are) )?(?:i|we|this|that|it|to|the school) ?"
_WHOM = (
    rf"whom? {_DO_WE}{_REALLY}{_OUGHT}{_THEREUPON}(?:(?:{_CARRY})(?:ed|ing|n)?|call(?:ed)? in|called)\b",
    rf"whom? (?:does|should|must|would|did|has) (?:this|that|it) {_REALLY}{_OUGHT}(?:have to |need to )?(?:go|get) to",
    rf"(?:who|which person) (?:else )?(?:{_ASKED}) (?:{_LEARN}|be {_CALLED})",
    rf"(?:who|which person) (?:else )?(?:gets? told|(?:needs?|has to get|wants) (?:{_CALLED}|telling|calling|informing))",
    r"who to tell",
)
_MUST = (
    rf"whom? (?:do|should|shall|must|would|need|can|does|have) (?:{_ME}|to|the|staff|a|my) ?{_OUGHT}(?:{_TELL})",
    rf"what (?:do|should|shall|must|would|can) (?:{_ME}|staff|teachers?) (?:do|say|tell)\b",
    r"what(?:'?s| is| are|) (?:now|next|my next step|the next step|the first thing)",
    r"what (?:needs?|has|have|ought) to (?:happen|be done)|what happens now|what to do|how do i (?:deal|handle|respond|react)",
    r"\bdo i (?:tell(?! \w+ off)|report|inform|alert|notify|raise|mention|trouble|bother|pass it on)\b",
    r"\bneed (?:i|we|he|she|they)\b|\bwhere do i (?:take|send|go with) (?:it|this|that)\b",
    r"\bdo i (?:say (?:some|any)thing|let \w+ \w+ know)\b",
    rf"(?:do|does|did|must|should|shall|ought|have|has|am|are|is|were|was) (?:{_ANYBODY}) {_REALLY}(?:{_BOUND})\b",
    rf"(?:must|should|ought|shall(?! (?:i|we)(?: (?:{_LET}|go ahead)\b|\s*$))) (?:{_ANYBODY})\b",
    r"\b(?:have|has|need|needs|got|gotta) to\b|\bdo (?:i|we|they) need\b|\bcompulsory\b|\bmandatory\b|\bobliged\b|\brequired\b",
)
_MAY = (
    r"\b(?:can|could|may|might|cld|cn) (?!(?:you|u) (?:tell|say|explain|remind|help|show|let me|give))\w+",
    rf"\b(?:is|are|am|was|would|be|its|it's|thats|that's|im|i'm|were) (?:\w+ ){{0,4}}?(?:{_ALLOWED})\b",
    r"\b(?:ok|okay|fine|alright|all right|allowed|permitted|safe|free|cool) (?:to|if|for|with)\b|\ballowed\b|\bpermitted\b",
    r"\b(?:is|be|it'?s|that'?s) (?:it |that |this |they )?(?:really |actually )?(?:legal|safe(?! online)|harmless|cool)\b",
    r"(?:^|\b(?:is|be|that|it|that's|it's) )(?:wise|sensible|a good idea|good idea)\s*$",
    rf"\bdo (?:i|we) (?:say (?:go ahead|yes|ok)|{_LET}|agree)\b|\bshall (?:i|we) (?:{_LET}|go ahead)\b|\bshall (?:i|we)\s*$",
    r"\bthinking (?:of|about)\b|(?<!n't )(?<!not )\bwant to\b|\bwanna\b|\bi'?d like to\b|\bi(?:'?m| was) going to\b",
    r"\bplanning to\b",
    r"\bhow about\b|\bpossible to\b|\bdo (?:you|we|they) allow\b|\bget away with\b|\blet (?:them|him|her|it|my|the)\b",
)
_WHAT = r"\b(?:who|whose|whom|what|which|when|where|how|why|whats|what's|whos|who's)\b"

_AMOUNT = re.compile(r"\bhow (?:many|much|often|long)\b")
_WHO_ACTS = re.compile(
    r"(?:^|, |: |- )(?:and |but |so )?(?:"
    r"whose (?:job|responsibility|duty|task|role|decision|call|say|permission|consent|agreement|approval|signature|place)\b|"
    r"who(?: else)?(?:'s|s| is| are|'ll) (?:\w+ ){0,2}?(?:responsible|accountable|in charge|the person|(?:meant|supposed|"
    r"expected) to)\b|"
    r"who(?: \w+){0,3}? (?:decides?|checks?|signs?|approves?|agrees?|reviews?|monitors?|owns?|runs?|gives?|looks after|keeps?|"
    r"(?:has|gets) the (?:last|final|say|authority|power))\b|"
    r"who(?: (?!do\b|does\b|did\b|am\b|are\b)\w+){0,2}? (?:(?:has|have|needs?|ought|gets) to|must|should) "
    r"(?!(?:i|we|you|he|she|they|staff|the|a|it)\b)(?!(?:" + _LEARN + r")\b)(?!be " + _CALLED + r"\b))"
)
"""Who it is that does something, and not whom to tell."""
_BANNED = (
    "(?<!taken )(?<!action )against|wrong|bad|forbidden|banned|off limits|illegal|prohibited|not allowed|unacceptable|breaking"
)
_REVERSED = re.compile(
    r"\bdoes (?:it|that|this) (?:really |even )?matter\b|\bmind if\b|\ba (?:problem|issue)\b|\ban issue\b|"
    r"\b(?:any|what|whats|what's|what is) (?:the )?(?:harm|problem|issue|objection)\b|"
    r"\b(?:a|the|any) (?:rule|law|ban) against\b|"
    rf"\b(?:is|are|am|be|its|it's|isn't|that's|thats) (?:\w+ ){{0,4}}?(?:{_BANNED})\b"
)
_PUNISHED = re.compile(
    r"\b(?:be|get|got|being) (?:\w+ )?(?:excluded|expelled|suspended|sacked|dismissed|disciplined|fired|confiscated|searched|"
    r"prosecuted|arrested|banned|punished|charged|sued|in trouble|into trouble)\b|"
    r"\b(?:can|could|will|would|might) (?:it|that|this|he|she|they) (?:\w+ )?(?:end up|lead to|go further|result in|lose)\b|"
    r"\b(?:can|could|will|would|might) (?:an?|the) \w+ (?:\w+ )?(?:end up (?:with|in|at)|lead to|result in)\b"
)

_BY_FORM = ((Form.TELL, _WHOM), (Form.MUST, _MUST), (Form.MAY, _MAY))
_FORMS = [(re.compile(pattern), form) for form, patterns in _BY_FORM for pattern in patterns]
_FORMS.append((re.compile(_WHAT), Form.WHAT))


def form_of(text: str) -> Form | None:
    """The form of a question, from the last of its sentences that has one; None where none has."""
    carelessly = "?" not in text
    plain = _SLIP.sub(lambda slip: _SLIPS[slip[0]], text.casefold().replace("\u2019", "'"))
    plain = _TO.sub(r"\1 to", plain)
    # What somebody else asked is told.
    sentences = [(said, mark) for said, mark in _SENTENCE.findall(plain) if not (mark and _SAID.search(said))]
    # What is told after a question tells how things stand, and not how it was put.
    asked = max((n for n, (_, mark) in enumerate(sentences, start=1) if mark), default=len(sentences))
    if asked < len(sentences) and _OK.search(sentences[asked - 1][0]) and not _HOPES.search(sentences[asked - 1][0]):
        return Form.MAY
    for sentence, mark in (*reversed(sentences[:asked]), *reversed(sentences[asked:])):
        if found := _of_sentence(sentence.strip(" ,'\""), asked=bool(mark) or carelessly):
            return found
    return None


def _of_sentence(sentence: str, *, asked: bool) -> Form | None:
    """What is asked at the end ("..., who does that?") tells, or a tag ("..., right?"), or else whichever form begins first."""
    _, comma, end = sentence.rpartition(", ")
    if comma and _WH.match(end) and len(end.split()) >= _LEAST_ASKED and (form := _of_sentence(end, asked=asked)):
        return form
    if _PUNISHED.search(sentence):
        # "Can he be excluded?" asks what happens, not whether it may be done.
        return Form.WHAT
    if _AMOUNT.search(sentence) or _WHO_ACTS.search(sentence):
        return Form.FACT
    if _REVERSED.search(sentence):
        return Form.REVERSED
    hoping = Form.NEEDLESS if _NEED_NOT.search(sentence) else Form.LEADING
    if (
        _TAG.search(sentence)
        and not _WH.match(sentence)
        and not _ONLY_MAY.match(sentence)
        and not _PLAIN.match(sentence)
        and (_LEADING.search(sentence) or len(sentence.split()) <= _SHORT_TAG)
    ):
        return hoping
    if asked and sentence.startswith("surely ") and (hoping is Form.NEEDLESS or not _NEED.search(sentence)):
        return hoping
    if asked and not _WH.match(sentence) and not _ASKS.match(sentence) and _CONCLUDED.search(sentence):
        return hoping
    if _WERE.match(sentence):
        return Form.WHAT
    found = [(match.start(), n, form) for n, (pattern, form) in enumerate(_FORMS) if (match := pattern.search(sentence))]
    form = min(found)[2] if found else None
    return Form.IS if form in {Form.WHAT, None} and asked and _IS.match(sentence) else form
