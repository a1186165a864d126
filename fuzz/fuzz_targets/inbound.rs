#![no_main]
stratbox_fuzz::fuzz!("inbound");
