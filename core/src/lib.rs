//! tierwall: network policy, evaluated exactly.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod diagnostic;
pub mod dialect;
pub mod lower;
pub mod model;
pub mod resource;
pub mod selector;
