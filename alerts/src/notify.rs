//! Payloads of the destinations, and sending them.
