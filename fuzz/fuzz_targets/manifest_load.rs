#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierwall_fuzz::manifest_load::check(data));
