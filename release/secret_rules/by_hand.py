"""Rules that are no name before a value and no beginning of a token: who covers them, and why.

Each is covered by an expression of imsobs/redaction/texts.py (its name is given), or by a pattern
of the spec (userinfo).
"""

BY_HAND = {
    "airtable-personnal-access-token": "looks",
    "azure-ad-client-secret": "rare",
    "curl-auth-header": "assignment",
    "curl-auth-user": "rare",
    "databricks-api-token": "beginnings",
    "facebook-access-token": "looks",
    "freemius-secret-key": "assignment",
    "generic-api-key": "assignment",
    "hashicorp-tf-api-token": "rare",
    "hashicorp-tf-password": "assignment",
    "jwt": "looks",
    "jwt-base64": "beginnings",
    "kubernetes-secret-yaml": "rare",
    "maxmind-license-key": "rare",
    "microsoft-teams-webhook": "rare",
    "nuget-config-password": "assignment",
    "private-key": "rare",
    "sidekiq-sensitive-url": "userinfo",
    "slack-config-access-token": "beginnings",
    "slack-user-token": "beginnings",
    "slack-webhook-url": "rare",
    "sourcegraph-access-token": "beginnings, names",
    "twilio-api-key": "looks",
    "vault-service-token": "looks, beginnings",
}
# Looks at the names of files, not at texts.
OF_FILES = ("pkcs12-file",)
# How tokens begin of which the rule does not show it.
FURTHER_BEGINNINGS = (
    "ZXlK",  # jwt-base64
    "dapi",  # databricks-api-token
    "hvs.",  # vault-service-token
    "sgp_",  # sourcegraph-access-token
    "xoxe-",  # slack-user-token, slack-config-refresh-token
    "xoxe.xox",  # slack-config-access-token
    "xoxp-",  # slack-user-token
)
# Names that the rules above need besides.
FURTHER_NAMES = ("sourcegraph",)
