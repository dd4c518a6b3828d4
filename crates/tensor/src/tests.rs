//! Operations against finite differences.
