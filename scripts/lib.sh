# Sourced by the scripts beside it: where the tools are, and how they speak.

cache=${WORKFLOWOPS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/workflowops}
export PATH=$cache/tools/bin:$PATH
target=${CARGO_TARGET_DIR:-target}
# The pages' files stay in the checkout, wherever the rest is compiled to.
export LEPTOS_SITE_ROOT=${LEPTOS_SITE_ROOT:-$PWD/target/site}

# SQL statements are checked against the committed .sqlx, not against whatever database happens to be set.
export SQLX_OFFLINE=${SQLX_OFFLINE:-true}

say() { printf '\033[1m[%s]\033[0m %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit 1; }
