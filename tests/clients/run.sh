#!/usr/bin/env bash
# The server under clients that others wrote: the official Python and Node SDKs of OpenAI and Anthropic, LiteLLM, LangChain's
# client for DeepSeek, and schemathesis on /openapi.json. Needs python3 with venv, Node with npm, and the network for their
# packages, which go to target/clients.
#
#   cargo build --release && tests/clients/run.sh [PATH OF penseur]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
penseur=$(realpath "${1:-$here/../../target/release/penseur}")
place=${CLIENTS_DIR:-$here/../../target/clients}
mkdir -p "$place" && cd "$place"

[ -x venv/bin/schemathesis ] || { python3 -m venv venv && venv/bin/pip install -q -r "$here/requirements.txt"; }
cp "$here/package.json" "$here/clients.mjs" .
[ -d node_modules/openai ] || npm install --silent

key=a-key-for-the-clients-alone
echo $key > keys
rm -rf data
"$penseur" serve --port 0 --data-dir data --api-key-file keys 2> serve.log &
server=$!
trap 'kill $server 2>/dev/null; wait $server || true' EXIT
for _ in $(seq 100); do
    url=$(grep -o 'http://[0-9.:]*' serve.log || true)
    [ -z "$url" ] || break
    sleep 0.1
done
export PENSEUR_URL=$url PENSEUR_KEY=$key
export LITELLM_LOCAL_MODEL_COST_MAP=True LANGSMITH_TRACING=false

venv/bin/python "$here/clients.py"
node clients.mjs
# What the API refuses because fields exclude each other is no schema's business, and two paths answer 501 always; everything
# else must be as described.
venv/bin/schemathesis run "$url/openapi.json" -H "Authorization: Bearer $key" --max-examples "${EXAMPLES:-25}" \
    --exclude-path /v1/embeddings --exclude-path /v1/slots --phases examples,coverage,fuzzing --exclude-checks positive_data_acceptance --request-timeout 60
