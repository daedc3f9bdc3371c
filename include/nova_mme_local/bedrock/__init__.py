"""Amazon Bedrock Runtime on the laptop: InvokeModel and async invocations for embedding models, as strict as AWS.

Requests, limits, output files and failures follow the service; the vectors come from `local-features-1`
(see `nova_mme_local.embedder`), and every answer says so.
"""
