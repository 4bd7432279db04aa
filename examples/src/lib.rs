//! Shepherd.
