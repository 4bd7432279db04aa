//! Shepherd.

#![allow(dead_code)]

pub mod scrape;
