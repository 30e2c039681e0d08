//! Components that were written from `wit/` alone.
