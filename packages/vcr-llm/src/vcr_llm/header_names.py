"""Names of headers by what they are to a recording."""

from __future__ import annotations

VOLATILE = frozenset(
    {
        *("accept-encoding", "accept-language", "age", "cache-control", "connection", "content-encoding"),
        *("content-length", "content-md5", "date", "expect", "host", "idempotency-key", "keep-alive", "pragma"),
        *("sentry-trace", "baggage", "te", "traceparent", "tracestate", "transfer-encoding", "upgrade", "user-agent"),
        *("via", "x-amzn-trace-id", "x-client-request-id", "x-cloud-trace-context", "x-correlation-id"),
        *("x-forwarded-for", "x-goog-api-client", "x-request-id", "x-trace-id"),
    }
)
"""Requests: they change from run to run, or with the version of a client, and do not change the answer."""

VOLATILE_STARTS = ("x-stainless-", "x-b3-", "x-amz-", "amz-sdk-", "sec-", "x-datadog-")
"""The same, by how they begin."""

MEANT = frozenset({"x-amz-target"})
"""Requests: compared although they begin like volatile ones."""

CREDENTIALS = frozenset(
    {
        *("api-key", "apikey", "authorization", "cookie", "ocp-apim-subscription-key", "proxy-authorization"),
        *("x-api-key", "x-auth-token", "x-goog-api-key", "x-goog-user-project", "x-subscription-token"),
    }
)
"""Requests: who calls; never recorded, and not compared, so that another key replays the same."""

CREDENTIALS_IN_QUERY = frozenset(
    {"access_token", "api-key", "api_key", "apikey", "key", "sig", "signature", "subscription-key", "token"}
)
"""Parameters of a URL that do the same."""

NOT_SERVED = frozenset(
    {
        *("connection", "content-encoding", "content-length", "keep-alive", "proxy-authenticate", "set-cookie"),
        *("trailer", "transfer-encoding", "upgrade"),
    }
)
"""Responses: they belong to one connection or session, or to a coding that the recording does not have."""
