"""Rules that are no name before a value and no beginning of a token: who covers them, and why.

Each is covered by an expression of imsobs/redaction/texts.py (its name is given), by a pattern of
the spec, or by a key.
"""

BY_HAND = {
    "airtable-personnal-access-token": "looks",
    "azure-ad-client-secret": "looks",
    "curl-auth-header": "header",
    "curl-auth-user": "curl",
    "databricks-api-token": "looks",
    "facebook-access-token": "looks",
    "freemius-secret-key": "assignment",
    "generic-api-key": "assignment",
    "hashicorp-tf-api-token": "looks",
    "hashicorp-tf-password": "assignment",
    "jwt": "looks",
    "jwt-base64": "looks",
    "kubernetes-secret-yaml": "kubernetes",
    "maxmind-license-key": "looks",
    "microsoft-teams-webhook": "webhook",
    "nuget-config-password": "assignment",
    "private-key": "private_key",
    "sidekiq-sensitive-url": "userinfo",
    "slack-config-access-token": "looks",
    "slack-user-token": "looks",
    "slack-webhook-url": "webhook",
    "sourcegraph-access-token": "looks",
    "twilio-api-key": "looks",
    "vault-service-token": "looks",
}
# Looks at the names of files, not at texts.
OF_FILES = ("pkcs12-file",)
# Names that the rules above need besides.
FURTHER_NAMES = ("sourcegraph",)
