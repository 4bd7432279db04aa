//! The adapters against an API server of our own making: every promise of their ports, and what no real server does
//! on demand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod blue_green;
mod controllers;
mod deployment_pair;
mod events;
mod gates;
mod gateway;
mod gone;
mod in_place;
mod ingress;
mod istio;
mod kube_store;
mod lists;
mod places;
mod preflight;
mod promotion;
mod watching;
mod words;
mod write_count;
