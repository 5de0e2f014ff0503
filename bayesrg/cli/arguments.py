"""What the command line understands: its commands, their options, and an example of each."""

import argparse
from pathlib import Path

from bayesrg import __version__
from bayesrg.cli.association_arguments import add_association, add_predict
from bayesrg.cli.encode_arguments import add_encode
from bayesrg.cli.join_arguments import add_join
from bayesrg.cli.multi_region_arguments import add_multi_region
from bayesrg.cli.sampling_arguments import add_sampling, at_least_one, at_least_zero

_MAIN = """examples:
  bayesrg demo
  bayesrg settings --modality CT --out settings.toml
  bayesrg extract manifest.csv --out features.parquet --settings settings.toml --perturbations standard
  bayesrg encode mutations tcga_laml.maf.gz --out mutations.zarr.zip --oncoplot oncoplot.svg
  bayesrg join --imaging features.csv --genome mutations.zarr.zip --clinical clinical.csv --out cohort.zarr.zip
  bayesrg fit stability features.parquet --feature glcm_contrast_3d_merged --subject subject \\
      --preprocessing preprocessing --out fit.zarr.zip --seed 1
  bayesrg fit association cohort.csv --outcome IDH1 --predictor volume --family bernoulli --formula age \\
      --out fit.zarr.zip --seed 1
  bayesrg fit multi-region regions.csv --features 'glcm_*' --genes EGFR VEGFA --tumor tumor --region region \\
      --coordinates x y z --out fit.zarr.zip --seed 1
  bayesrg summary fit.zarr.zip
  bayesrg report fit.zarr.zip --out report.html
  bayesrg predict fit.zarr.zip new_patients.csv --out predictions.csv --seed 1

exit codes:
  0    everything was done
  1    an error, told in one line on standard error
  2    the command line was not understood
  3    some regions could not be extracted; the others were, and are written
  4    a fit did not converge; it is saved, and says so wherever it is shown
  5    an IBSI-1 value lies outside its tolerance
  130  interrupted (Ctrl-C)
"""

_DEMO = """example:
  bayesrg demo --out demo

Lesions of subjects are simulated, scanned in two sessions on two scanners, and processed in several ways; the variance
components of all features are estimated from the images, and those of one feature held against the truth. Then tumours
with several regions are simulated, whose features follow their genes, one link the same everywhere and one that changes
from place to place; both are estimated, and held against the truth. Run again, the demo uses the features that are
extracted already and makes everything else anew.
"""

_SETTINGS = """examples:
  bayesrg settings --modality CT --out settings.toml
  bayesrg settings --modality PT --spacing 4 4 4 --out settings.toml
  bayesrg settings --ibsi C

The file names every section and key with its meaning and its value, so that it records all that was done. Change what
you will, and give it to `bayesrg extract`. Without --modality or --ibsi it holds the defaults. No voxel spacing is set
unless you choose one: it depends on the scans of your cohort.
"""

_EXTRACT = """examples:
  bayesrg extract manifest.csv --out features.parquet --settings settings.toml --jobs 2
  bayesrg extract manifest.csv --out features.parquet --modality CT --features 'glcm_*' statistics_mean

The manifest has a row per region, with the columns image and mask (paths, relative to the manifest), if need be label
(which label of the mask is the region), and any others, such as subject, session and scanner, which are carried along.

Settings are TOML (`bayesrg settings` writes a file to start from); what is left out keeps its default:
  [interpolation]
  spacing = [2.0, 2.0, 2.0]
  [discretisation]
  method = "fixed_bin_number"
  number = 32
  [perturbations.original]
  [perturbations.rotated]
  rotation = 6.0

Finished work is kept in the folder OUT.finished: after an interruption the same command goes on from there. Regions
that cannot be extracted are listed in OUT.failures.csv; the others are written, and the exit code is 3.
"""

_IBSI = """example:
  bayesrg ibsi --csv compliance.csv

IBSI's digital phantom and its CT phantom in five configurations are measured with the code that is installed here; each
value is held against the consensus, with IBSI's tolerance. The CT phantom is downloaded once, where it is not on this
machine (4 MB). The exit code is 5 if a value lies outside its tolerance.
"""

_FIT = """examples:
  bayesrg fit stability features.csv --feature statistics_mean --subject subject --scanner scanner \\
      --out fit.zarr.zip --seed 1
  bayesrg fit association cohort.csv --outcome IDH1 --predictor volume --family bernoulli --formula age \\
      --out fit.zarr.zip --seed 1
  bayesrg fit multi-region regions.csv --features 'glcm_*' --genes EGFR VEGFA --tumor tumor --region region \\
      --coordinates x y z --out fit.zarr.zip --seed 1
"""

_STABILITY = """example:
  bayesrg fit stability features.parquet --feature glcm_contrast_3d_merged --subject subject --session session \\
      --scanner scanner --preprocessing preprocessing --out fit.zarr.zip --seed 1

The table has a row per measurement. Rows without a value of the feature are left out and counted; a missing label is an
error. A fit that does not converge is saved all the same, says so, and the exit code is 4.
"""

_SUMMARY = """example:
  bayesrg summary fit.zarr.zip --csv summary.csv
"""

_REPORT = """example:
  bayesrg report fit.zarr.zip --out report.html
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; ``command`` names what to run, as `commands.RUN` does."""
    parser = argparse.ArgumentParser(
        prog="bayesrg",
        description="Bayesian radiogenomics: from medical images to features, posteriors and reports.",
        epilog=_MAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"bayesrg {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    _add_demo(commands)
    _add_settings(commands)
    _add_ibsi(commands)
    _add_extract(commands)
    add_encode(commands, _add)
    add_join(commands, _add)
    fit = _add(commands, "fit", "fit a model to a table", _FIT)
    models = fit.add_subparsers(metavar="MODEL", required=True, dest="model")
    _add_stability(models)
    add_association(models, _add)
    add_multi_region(models, _add)
    _add_summary(commands)
    _add_report(commands)
    add_predict(commands, _add)
    return parser


def _add(commands: argparse._SubParsersAction, name: str, purpose: str, epilog: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_demo(commands: argparse._SubParsersAction) -> None:
    demo = _add(commands, "demo", "run the whole chain on simulated lesions whose answer is known", _DEMO)
    demo.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("demo"), help="folder to write to (default: demo)"
    )


def _add_settings(commands: argparse._SubParsersAction) -> None:
    settings = _add(commands, "settings", "write a settings file that explains itself", _SETTINGS)
    origin = settings.add_mutually_exclusive_group()
    origin.add_argument("--modality", metavar="CT|PT|MR", help="settings that suit images of this modality")
    origin.add_argument(
        "--ibsi",
        metavar="A|B|C|D|E|digital",
        help="a configuration of IBSI-1's CT phantom, or that of its digital phantom",
    )
    settings.add_argument(
        "--spacing",
        metavar="MM",
        nargs="+",
        help="interpolate to voxels of this size: one number, or x, y and z, of which 'keep' leaves an axis as it is",
    )
    settings.add_argument("--out", metavar="FILE", type=Path, help="TOML file to write; without it, standard output")


def _add_ibsi(commands: argparse._SubParsersAction) -> None:
    ibsi = _add(commands, "ibsi", "hold the features of this installation against IBSI-1's reference values", _IBSI)
    ibsi.add_argument("--csv", metavar="FILE", type=Path, help="also write all values to this file, in full precision")


def _add_extract(commands: argparse._SubParsersAction) -> None:
    extract = _add(commands, "extract", "extract the features of every region that a manifest names", _EXTRACT)
    extract.add_argument(
        "manifest", metavar="MANIFEST", type=Path, help="table of regions: CSV, TSV (gzipped too) or Parquet"
    )
    extract.add_argument("--out", metavar="FILE", type=Path, required=True, help="Parquet file of features to write")
    how = extract.add_mutually_exclusive_group()
    how.add_argument("--settings", metavar="FILE", type=Path, help="TOML file; without it, the defaults")
    how.add_argument(
        "--modality", metavar="CT|PT|MR", help="instead of a file, the settings that `bayesrg settings` has for this"
    )
    extract.add_argument(
        "--features",
        metavar="PATTERN",
        nargs="+",
        help="only features with such names, as 'glcm_*' (quoted); takes the place of names in the settings file",
    )
    extract.add_argument(
        "--perturbations",
        metavar="standard|FILE",
        help="'standard' for the standard ones, or a TOML file of them; without it, those in the settings file",
    )
    extract.add_argument(
        "--jobs", metavar="N", type=at_least_one, default=1, help="processes that share the work (default: 1)"
    )
    extract.add_argument(
        "--seed", metavar="N", type=at_least_zero, default=0, help="seed of the perturbations (default: 0)"
    )
    extract.add_argument(
        "--resample-mask",
        action="store_true",
        help="resample masks that lie on another grid onto their image's (nearest neighbour), instead of refusing them",
    )


def _add_stability(models: argparse._SubParsersAction) -> None:
    fit = _add(
        models,
        "stability",
        "divide the variance of features among subject, session, scanner and preprocessing",
        _STABILITY,
    )
    fit.add_argument("table", metavar="TABLE", type=Path, help="table of features: CSV, TSV (gzipped too) or Parquet")
    which = fit.add_mutually_exclusive_group(required=True)
    which.add_argument("--feature", metavar="NAME", help="column of the feature, or its alias (contrast)")
    which.add_argument(
        "--features",
        metavar="GLOB",
        nargs="+",
        help="columns of many features, by patterns such as 'glcm_*' (quoted) or '*' for every column of numbers",
    )
    fit.add_argument(
        "--tool",
        choices=("bayesrg", "pyradiomics", "mirp"),
        default="bayesrg",
        help="tool that made the table: its features are renamed to IBSI's first (default: bayesrg, nothing renamed)",
    )
    fit.add_argument(
        "--pooled",
        action="store_true",
        help="with --features: let the features of a family inform each other (partial pooling), for small studies",
    )
    fit.add_argument(
        "--redundancy",
        action="store_true",
        help="with --features: find the groups of features that measure the same thing of the subjects",
    )
    fit.add_argument(
        "--heteroscedastic",
        choices=("scanner", "preprocessing"),
        help="give every level of this factor a location and a scale of its own (other units, other gains)",
    )
    fit.add_argument("--subject", metavar="COL", required=True, help="column of the subjects")
    fit.add_argument("--session", metavar="COL", help="column of the sessions")
    fit.add_argument("--scanner", metavar="COL", help="column of the scanners")
    fit.add_argument("--preprocessing", metavar="COL", help="column of the preprocessings")
    fit.add_argument(
        "--session-design",
        choices=("nested", "crossed", "visit"),
        default="nested",
        help="sessions are each subject's own (nested, the default), the same occasion for all (crossed), "
        "or each subject's own on each scanner (visit)",
    )
    fit.add_argument(
        "--scale",
        choices=("z_score", "log", "rank_normal"),
        default="z_score",
        help="scale on which the feature is modelled (default: z_score, which keeps its units)",
    )
    fit.add_argument(
        "--variance-prior",
        choices=("shares", "half-normal"),
        default="shares",
        help="prior on the total and its shares (default), or a half-normal on each standard deviation",
    )
    fit.add_argument(
        "--unit", metavar="U", help="unit of the feature, for the report (default: the register's, if it has one)"
    )
    fit.add_argument(
        "--threshold",
        metavar="ICC",
        type=float,
        action="append",
        help="give the probability that each intraclass correlation exceeds this; may be repeated (default: 0.75, 0.9)",
    )
    add_sampling(fit, draws="1500; of each of many features 500")


def _add_summary(commands: argparse._SubParsersAction) -> None:
    summary = _add(commands, "summary", "print a fit's estimands and the verdict on it", _SUMMARY)
    summary.add_argument("fit", metavar="FIT", type=Path, help="saved fit")
    summary.add_argument(
        "--csv", metavar="FILE", type=Path, help="also write the table to this file, in full precision"
    )


def _add_report(commands: argparse._SubParsersAction) -> None:
    report = _add(commands, "report", "write a fit's report as a page, with its tables and figures beside it", _REPORT)
    report.add_argument("fit", metavar="FIT", type=Path, help="saved fit")
    report.add_argument("--out", metavar="FILE", type=Path, required=True, help="HTML file to write")
    report.add_argument(
        "--show-subjects", action="store_true", help="let labels of subjects and their sessions stand in the report"
    )
