// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors of the kernels beside `solve`, which pytest reads too.

use registration::{consensus, leave_one_out, match_unordered, solve_anisotropic, Match, Refusal, UNPAIRED};
use testkit::{cases, number, numbers};

const CODES: [(&str, Refusal); 9] = [
    ("too_few_points", Refusal::TooFewPoints),
    ("not_finite", Refusal::NotFinite),
    ("bad_weight", Refusal::BadWeight),
    ("mirrored", Refusal::Mirrored),
    ("ambiguous", Refusal::Ambiguous),
    ("bad_covariance", Refusal::BadCovariance),
    ("no_consensus", Refusal::NoConsensus),
    ("bad_threshold", Refusal::BadThreshold),
    ("too_many_points", Refusal::TooManyPoints),
];

type Answer = Vec<(&'static str, Vec<f64>)>;

fn answer(case: &serde_json::Value) -> Result<Answer, Refusal> {
    let (fixed, moving) = (numbers(&case["fixed"]), numbers(&case["moving"]));
    let n = fixed.len() / 3;
    match case["kernel"].as_str().unwrap() {
        "leave_one_out" => {
            let mut errors = vec![0.0; fixed.len()];
            leave_one_out(&fixed, &moving, &numbers(&case["weights"]), &mut errors)?;
            Ok(vec![("errors", errors)])
        }
        "solve_anisotropic" => {
            let (of_fixed, of_moving) = (numbers(&case["of_fixed"]), numbers(&case["of_moving"]));
            let (mut weights, mut residuals) = (vec![0.0; n], vec![0.0; 3 * n]);
            let fit = solve_anisotropic(&fixed, &moving, &of_fixed, &of_moving, &mut weights, &mut residuals)?;
            let (transform, covariance) = (fit.transform.to_vec(), fit.covariance.to_vec());
            Ok(vec![("transform", transform), ("covariance", covariance), ("cost", vec![fit.cost])])
        }
        "consensus" => {
            let found = consensus(&fixed, &moving, number(&case["tau"]))?;
            Ok(vec![("members", (0..n).map(|i| (found.members >> i & 1) as f64).collect())])
        }
        _ => match_unordered(&fixed, &moving, number(&case["tau"])).and_then(told),
    }
}

fn told(found: Match) -> Result<Answer, Refusal> {
    if found.ambiguous {
        return Err(Refusal::Ambiguous); // as the host says it
    }
    let pairs = || found.partner.iter().enumerate().filter(|(_, p)| **p != UNPAIRED);
    Ok(vec![
        ("fixed_ids", pairs().map(|(_, p)| f64::from(*p)).collect()),
        ("moving_ids", pairs().map(|(j, _)| j as f64).collect()),
        ("rms", vec![found.rms]),
        ("rival_rms", vec![found.rival_rms]),
        ("searched", vec![found.searched]),
    ])
}

#[test]
fn golden_vectors() {
    for case in cases("landmarks") {
        let (name, code) = (case["name"].as_str().unwrap(), case["code"].as_str().unwrap());
        match answer(&case) {
            Err(refusal) => {
                assert_eq!(Some(&(code, refusal)), CODES.iter().find(|c| c.0 == code), "{name}: {refusal:?}");
            }
            Ok(found) => {
                assert_eq!(code, "", "{name}");
                for (key, values) in found {
                    let (wanted, tolerance) = (numbers(&case[key]), number(&case["tolerance"]));
                    assert_eq!(values.len(), wanted.len(), "{name}: {key}");
                    for (a, b) in values.iter().zip(&wanted) {
                        assert!(a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance, "{name}: {key}: {a} {b}");
                    }
                }
            }
        }
    }
}
