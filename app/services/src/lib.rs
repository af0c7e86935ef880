//! The application services.
