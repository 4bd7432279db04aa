//! Shepherd.

#![allow(dead_code)]

mod scrape;
