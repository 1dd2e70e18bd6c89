"""The process between a host and the engine: JSON lines on its pipes, gRPC to the engine. Needs grpcio and protobuf."""
