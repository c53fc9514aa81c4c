#!/bin/sh
# Pull the release, then serve it; and pull again now and then: what is new takes over, what cannot be had changes nothing.
set -e
modelkiln pull "$RELEASE" --to "$MODEL" || test -e "$MODEL/current"
(while sleep "${EVERY:-60}"; do modelkiln pull "$RELEASE" --to "$MODEL" || true; done) &
exec uvicorn serve:app --host 0.0.0.0 --port "${PORT:-8080}"
