"""Every kind of fix: its code, how likely it is to be wrong, and what it says."""

from __future__ import annotations

__all__ = ["CODES", "risk_of"]

# code -> (risk from 0 to 1, what was done). A risk is the share of cases, among broken texts
# that models write, in which another reading would have been as good; it orders the fixes and
# is what max_risk is compared with.
CODES: dict[str, tuple[float, str]] = {
    # around the value
    "byte_order_mark": (0.0, "a byte order mark was skipped"),
    "fence": (0.01, "a code fence was taken off"),
    "prose": (0.05, "text around the value was left out"),
    "thinking": (0.05, "a thinking block was left out"),
    "wrapper": (0.05, "a tag, call or other wrapper was taken off"),
    "decoy": (0.15, "brackets that hold no data were left out"),
    "several_values": (0.1, "several values were collected in an array"),
    "other_value": (0.3, "one of several values was left out"),
    "bare_text": (0.9, "text without any JSON was read as a string"),
    "asked_text": (0.1, "words without quotes are the value that the schema asks for"),
    "unwrapped_escapes": (0.1, "an escaped document was unescaped"),
    "html_entity": (0.05, "an HTML entity was decoded"),
    # white space and comments
    "white_space": (0.0, "white space that JSON does not know was replaced"),
    "comment": (0.01, "a comment was left out"),
    "ellipsis": (0.1, "an ellipsis was left out"),
    "stray_text": (0.3, "text between members was left out"),
    # commas, colons, brackets
    "trailing_comma": (0.01, "a comma before a closer was left out"),
    "extra_comma": (0.05, "a comma without a value was left out"),
    "missing_comma": (0.05, "a comma was added"),
    "wrong_separator": (0.05, "another sign stood where a comma or colon belongs"),
    "missing_colon": (0.1, "a colon was added"),
    "extra_colon": (0.1, "a colon too many was left out"),
    "missing_value": (0.3, "a name without a value got null"),
    "missing_key": (0.3, "a value without a name was dropped or moved"),
    "missing_opener": (0.2, "an opening bracket was added"),
    "missing_closer": (0.15, "a closing bracket was added"),
    "extra_closer": (0.15, "a closing bracket too many was left out"),
    "wrong_closer": (0.1, "a closing bracket of the other kind was replaced"),
    "reopened": (0.2, "an object that was closed too early goes on"),
    "double_brace": (0.05, "a doubled brace was made one"),
    "tuple": (0.02, "a tuple became an array"),
    "set": (0.05, "a set became an array"),
    "wrapped_array": (0.25, "several values of one name were collected in an array"),
    "truncated": (0.25, "the text ends early; what was open was closed"),
    "incomplete": (0.3, "an unfinished token at the end was left out"),
    # strings
    "quotes": (0.01, "quotes of another kind were replaced"),
    "doubled_quotes": (0.05, "doubled quotes were made one"),
    "missing_quote": (0.2, "a missing quote was added"),
    "stray_quote": (0.15, "a quote too many was left out"),
    "inner_quote": (0.15, "a quote inside a string was escaped"),
    "raw_character": (0.0, "a control character inside a string was escaped"),
    "bad_escape": (0.05, "an escape that JSON does not know was mended"),
    "latex": (0.1, "the backslashes of LaTeX commands or paths were kept"),
    "concatenation": (0.05, "strings joined by + or side by side became one"),
    # names, words and numbers
    "bare_key": (0.01, "a name without quotes was quoted"),
    "bare_string": (0.1, "a text without quotes was quoted"),
    "literal": (0.02, "a literal of another language was replaced"),
    "number": (0.05, "a number in another notation was rewritten"),
    "number_as_text": (0.1, "what looks like a number was kept as a string"),
    "huge_integer": (0.05, "an integer too long for Python was kept as a string"),
    "markdown": (0.02, "bold or list marks were taken off"),
    "duplicate_key": (0.2, "a name came twice; the later value was kept"),
    # by a model, as the last resort of altar.llm
    "model": (0.5, "a model mended what structure could not"),
    # by the schema
    "schema_choice": (0.1, "the schema decided between readings"),
    "coerced_number": (0.05, "a text became the number the schema asks for"),
    "coerced_boolean": (0.05, "a word became the boolean the schema asks for"),
    "coerced_string": (0.05, "a value became the string the schema asks for"),
    "coerced_null": (0.1, "a word for nothing became null"),
    "coerced_enum": (0.1, "a text became the nearest value of the schema's enum"),
    "coerced_array": (0.1, "a value became the array the schema asks for"),
    "coerced_object": (0.15, "a value became the object the schema asks for"),
    "renamed_key": (0.1, "a name became the one the schema knows"),
}


def risk_of(code: str) -> float:
    """How likely it is, from 0 to 1, that a fix of this code is not what the writer meant."""
    return CODES[code][0]
