//! Ten simulated years, restarts and clocks that are set, and hosts that keep time beside each other.

mod hosts;
mod years;
