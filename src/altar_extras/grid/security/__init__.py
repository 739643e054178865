"""Who is who on the GRID, who may do what, and what is believed only with a signature.

Keys, credentials files, signed manifests, session tokens, local grants, the broker's
permissions, and the one decision who is let in. docs/grid/security.md tells it.
"""

from __future__ import annotations

from altar_extras.grid.security._callout import (
    CALLOUT_SUBJECT,
    CalloutQuestion,
    CalloutRefused,
    callout_answer,
    read_callout,
)
from altar_extras.grid.security._credentials import (
    CREDENTIALS_VERSION,
    Credentials,
    Principal,
    Role,
    TlsFiles,
)
from altar_extras.grid.security._decide import (
    Admission,
    AdmissionRole,
    ConnectRequest,
    Denial,
    Rules,
    connection_name,
    decide,
    matching_tools,
)
from altar_extras.grid.security._digest import REMOTE_ONLY, contract_digest, is_remote_only
from altar_extras.grid.security._grant import (
    MAX_GRANT_CALLS,
    MAX_GRANT_SECONDS,
    GrantUses,
    LocalGrant,
)
from altar_extras.grid.security._keys import KeyKind, SigningKey, VerifyKey, document, key_id
from altar_extras.grid.security._manifest import (
    MANIFEST_SECONDS,
    MAX_MANIFEST_BYTES,
    SignedManifest,
)
from altar_extras.grid.security._permissions import (
    BOOTSTRAP_OPS,
    CLIENT_OPS,
    MAX_TOOLS,
    OPERATOR_OPS,
    RUNTIME_OPS,
    Permissions,
    bootstrap_permissions,
    permissions_of_client,
    permissions_of_operator,
    permissions_of_runtime,
)
from altar_extras.grid.security._refused import ManifestRefused, Refused, TokenRefused
from altar_extras.grid.security._token import MAX_SESSION_SECONDS, SessionToken
from altar_extras.grid.security._trust import AcceptedManifest, ManifestTrust

__all__ = [
    "BOOTSTRAP_OPS",
    "CALLOUT_SUBJECT",
    "CLIENT_OPS",
    "CREDENTIALS_VERSION",
    "MANIFEST_SECONDS",
    "MAX_GRANT_CALLS",
    "MAX_GRANT_SECONDS",
    "MAX_MANIFEST_BYTES",
    "MAX_SESSION_SECONDS",
    "MAX_TOOLS",
    "OPERATOR_OPS",
    "REMOTE_ONLY",
    "RUNTIME_OPS",
    "AcceptedManifest",
    "Admission",
    "AdmissionRole",
    "CalloutQuestion",
    "CalloutRefused",
    "ConnectRequest",
    "Credentials",
    "Denial",
    "GrantUses",
    "KeyKind",
    "LocalGrant",
    "ManifestRefused",
    "ManifestTrust",
    "Permissions",
    "Principal",
    "Refused",
    "Role",
    "Rules",
    "SessionToken",
    "SignedManifest",
    "SigningKey",
    "TlsFiles",
    "TokenRefused",
    "VerifyKey",
    "bootstrap_permissions",
    "callout_answer",
    "connection_name",
    "contract_digest",
    "decide",
    "document",
    "is_remote_only",
    "key_id",
    "matching_tools",
    "permissions_of_client",
    "permissions_of_operator",
    "permissions_of_runtime",
    "read_callout",
]
