"""Language models behind an API: OpenAI, Anthropic, Bedrock and OpenAI-compatible servers."""
