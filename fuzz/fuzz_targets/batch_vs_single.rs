#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierwall_fuzz::batch_vs_single::check(data));
