//! The gates, each against its port's promises, and against all that pods may say.

mod conformance;
mod reasons;
mod shop;
