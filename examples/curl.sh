#!/bin/sh
# Ask for the cut-out of an object of the bucket: sh curl.sh photos/shoe.jpg
# CUTOUT_API_URL is the stack's output ApiUrl, CUTOUT_API_KEY its API key.
# The same command again answers with the same job.
curl --silent --show-error --fail-with-body "$CUTOUT_API_URL/jobs" \
  -H "x-api-key: $CUTOUT_API_KEY" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: $1" \
  -d "{\"key\": \"$1\"}"
