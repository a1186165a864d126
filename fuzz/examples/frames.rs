//! Ten million inputs for each decoder of frames, without libFuzzer: `frames [COUNT] [TARGET…]`.
//! The mutations are those of the tests, from the kept corpus; a broken property ends it with the input on stderr.

use std::path::Path;
use std::process::ExitCode;

use stratbox_fuzz::inputs::{Rng, corpus, target};

/// Inputs made in a row from one kept one before the next is taken.
const GENERATIONS: usize = 4;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().map_or(Ok(10_000_000), |count| count.parse::<u64>());
    let Ok(count) = count else {
        eprintln!("frames [COUNT] [TARGET…]: COUNT is the number of inputs for each target");
        return ExitCode::from(2);
    };
    let mut names: Vec<String> = arguments.collect();
    if names.is_empty() {
        names = ["report", "inbound", "interpreter"].map(str::to_owned).to_vec();
    }
    for name in names {
        let target = target(&name);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(&name);
        let seeds = corpus(&folder);
        let mut rng = Rng::new(1);
        let (mut done, mut accepted) = (0, 0_u64);
        while done < count {
            let mut input = rng.pick(&seeds).clone();
            for _ in 0..GENERATIONS {
                target.mutate(&mut rng, &mut input);
                match std::panic::catch_unwind(|| (target.run)(&input)) {
                    Ok(taken) => accepted += u64::from(taken),
                    Err(_) => {
                        eprintln!("{name}, input {done}: {}", input.escape_ascii());
                        return ExitCode::FAILURE;
                    }
                }
                done += 1;
            }
        }
        println!("{name}: {done} inputs, {accepted} accepted, 0 panics");
    }
    ExitCode::SUCCESS
}
