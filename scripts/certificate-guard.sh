#!/usr/bin/env bash
# Nobody switches the check of a peer's certificate off, whatever the WebRTC crate calls that by then. clippy.toml bans the calls
# that it has now; this finds their names, their relatives' and the browser's way around it in every file of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

names='disable_certificate_fingerprint_verification|allow_insecure_verification_algorithm|set_fingerprint_verification|insecure_skip_verify|with_insecure_|danger_accept_invalid|rejectUnauthorized'
# The ban itself, and this file.
if git grep -nIE "$names" -- . ':!clippy.toml' ':!scripts/certificate-guard.sh'; then
    echo "The lines above switch a certificate check off. Media flows only under the certificate that was announced inside the sealed messages." >&2
    exit 1
fi
# A guard that finds nothing must at least know the names that there are.
git grep -qE "$names" -- clippy.toml || { echo "clippy.toml no longer bans them: look at the guard again." >&2; exit 1; }
