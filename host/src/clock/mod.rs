//! Time: what is published because its moment has come.

pub mod later;
