"""The probes need the libraries whose classes they declare; the short suite does without."""

from importlib.util import find_spec

_NEEDED = ("jsonschema", "pydantic", "attrs", "msgspec", "annotated_types", "typing_extensions")

collect_ignore = [] if all(map(find_spec, _NEEDED)) else ["test_probes.py", "test_agreement.py"]
