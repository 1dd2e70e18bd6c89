"""The gRPC service: messages to data and back, errors to statuses, who may call. Never imports torch."""
