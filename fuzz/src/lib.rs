//! The targets for cargo-fuzz; all that they do is in [`inputs`].

pub mod inputs;

/// A libFuzzer target of that name: half of its mutations are libFuzzer's own, half know the language.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            ($crate::inputs::target($name).run)(data);
        });
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            if seed % 2 == 0 {
                return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
            }
            let mut bytes = data[..size].to_vec();
            $crate::inputs::target($name).mutate(&mut $crate::inputs::Rng::new(u64::from(seed)), &mut bytes);
            bytes.truncate(max_size);
            data[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        });
    };
}
