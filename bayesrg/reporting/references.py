"""Works that reports cite, each with its address."""

from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Reference:
    """A work: what a bibliography says, and its DOI (or, where it has none, its address)."""

    text: str
    doi: str = ""
    url: str = ""

    @property
    def address(self) -> str:
        """Where a link goes."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url

    @property
    def shown(self) -> str:
        """What a link says."""
        return f"doi:{self.doi}" if self.doi else self.url

    def link(self, words: str) -> Markup:
        """A link in running text, such as Gelman 2005."""
        return Markup('<a href="{}">{}</a>').format(self.address, words)


@dataclass
class Bibliography:
    """Works in the order in which a text cites them."""

    works: list[Reference] = field(default_factory=list)

    def cite(self, *cited: Reference) -> str:
        """The numbers of works in brackets, such as [1, 2]; new ones join the list."""
        self.works += [work for work in cited if work not in self.works]
        return f"[{', '.join(str(self.works.index(work) + 1) for work in cited)}]"


BRENNAN = Reference("Brennan RL. Generalizability Theory. New York: Springer; 2001.", "10.1007/978-1-4757-3456-0")
SHROUT_FLEISS = Reference(
    "Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. Psychol Bull 1979;86:420–428.",
    "10.1037/0033-2909.86.2.420",
)
MCGRAW_WONG = Reference(
    "McGraw KO, Wong SP. Forming inferences about some intraclass correlation coefficients. Psychol Methods "
    "1996;1:30–46.",
    "10.1037/1082-989X.1.1.30",
)
CONCORDANCE = Reference(
    "Lin LI-K. A concordance correlation coefficient to evaluate reproducibility. Biometrics 1989;45:255–268.",
    "10.2307/2532051",
)
LIMITS = Reference(
    "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res 1999;8:135–160.",
    "10.1177/096228029900800204",
)
RAUNIG = Reference(
    "Raunig DL, McShane LM, Pennello G, et al. Quantitative imaging biomarkers: a review of statistical methods for "
    "technical performance assessment. Stat Methods Med Res 2015;24:27–67.",
    "10.1177/0962280214537344",
)
DE_VET = Reference(
    "de Vet HCW, Terwee CB, Knol DL, Bouter LM. When to use agreement versus reliability measures. J Clin Epidemiol "
    "2006;59:1033–1039.",
    "10.1016/j.jclinepi.2005.10.015",
)
BLAND_ALTMAN = Reference(
    "Bland JM, Altman DG. Transformations, means, and confidence intervals. BMJ 1996;312:1079.",
    "10.1136/bmj.312.7038.1079",
)
KOO_LI = Reference(
    "Koo TK, Li MY. A guideline of selecting and reporting intraclass correlation coefficients for reliability "
    "research. J Chiropr Med 2016;15:155–163.",
    "10.1016/j.jcm.2016.02.012",
)
GELMAN_ANOVA = Reference(
    "Gelman A. Analysis of variance: why it is more important than ever. Ann Stat 2005;33:1–53.",
    "10.1214/009053604000001048",
)
PYMC = Reference(
    "Abril-Pla O, Andreani V, Carroll C, et al. PyMC: a modern, and comprehensive probabilistic programming "
    "framework in Python. PeerJ Comput Sci 2023;9:e1516.",
    "10.7717/peerj-cs.1516",
)
NUTS = Reference(
    "Hoffman MD, Gelman A. The No-U-Turn sampler: adaptively setting path lengths in Hamiltonian Monte Carlo. J "
    "Mach Learn Res 2014;15:1593–1623.",
    url="https://jmlr.org/papers/v15/hoffman14a.html",
)
ARVIZ = Reference(
    "Kumar R, Carroll C, Hartikainen A, Martin O. ArviZ: a unified library for exploratory analysis of Bayesian "
    "models in Python. J Open Source Softw 2019;4:1143.",
    "10.21105/joss.01143",
)
R_HAT = Reference(
    "Vehtari A, Gelman A, Simpson D, Carpenter B, Bürkner P-C. Rank-normalization, folding, and localization: an "
    "improved R-hat for assessing convergence of MCMC. Bayesian Anal 2021;16:667–718.",
    "10.1214/20-BA1221",
)
POWER_SCALING = Reference(
    "Kallioinen N, Paananen T, Bürkner P-C, Vehtari A. Detecting and diagnosing prior and likelihood sensitivity "
    "with power-scaling. Stat Comput 2024;34:57.",
    "10.1007/s11222-023-10366-5",
)
PSIS = Reference(
    "Vehtari A, Simpson D, Gelman A, Yao Y, Gabry J. Pareto smoothed importance sampling. J Mach Learn Res "
    "2024;25(72):1–58.",
    url="https://jmlr.org/papers/v25/19-556.html",
)
LEAGUE_TABLES = Reference(
    "Goldstein H, Spiegelhalter DJ. League tables and their limitations: statistical issues in comparisons of "
    "institutional performance. J R Stat Soc A 1996;159:385–443.",
    "10.2307/2983325",
)
RANKING = Reference(
    "Lin R, Louis TA, Paddock SM, Ridgeway G. Loss function based ranking in two-stage, hierarchical models. Bayesian "
    "Anal 2006;1:915–946.",
    "10.1214/06-BA130",
)
CLEAR = Reference(
    "Kocak B, Baessler B, Bakas S, et al. CheckList for EvaluAtion of Radiomics research (CLEAR): a step-by-step "
    "reporting guideline for authors and reviewers endorsed by ESR and EuSoMII. Insights Imaging 2023;14:75.",
    "10.1186/s13244-023-01415-8",
)
METRICS = Reference(
    "Kocak B, Akinci D’Antonoli T, Mercaldo N, et al. METhodological RadiomICs Score (METRICS): a quality scoring tool "
    "for radiomics research endorsed by EuSoMII. Insights Imaging 2024;15:8.",
    "10.1186/s13244-023-01572-w",
)
CAUSAL_WORDS = Reference(
    "Hernán MA. The C-word: scientific euphemisms do not improve causal inference from observational data. Am J Public "
    "Health 2018;108:616–619.",
    "10.2105/AJPH.2018.304337",
)
SAVAGE_DICKEY = Reference(
    "Dickey JM. The weighted likelihood ratio, linear hypotheses on normal location parameters. Ann Math Stat "
    "1971;42:204–223.",
    "10.1214/aoms/1177693507",
)
DIRECTION = Reference(
    "Makowski D, Ben-Shachar MS, Chen SHA, Lüdecke D. Indices of effect existence and significance in the Bayesian "
    "framework. Front Psychol 2019;10:2767.",
    "10.3389/fpsyg.2019.02767",
)
ROPE = Reference(
    "Kruschke JK. Rejecting or accepting parameter values in Bayesian estimation. Adv Methods Pract Psychol Sci "
    "2018;1:270–280.",
    "10.1177/2515245918771304",
)
CONTINGENCY = Reference(
    "Gunel E, Dickey J. Bayes factors for independence in contingency tables. Biometrika 1974;61:545–557.",
    "10.1093/biomet/61.3.545",
)
INFORMATIONAL_CORRELATION = Reference(
    "Linfoot EH. An informational measure of correlation. Inf Control 1957;1:85–89.",
    "10.1016/S0019-9958(57)90116-X",
)
ECDF_BANDS = Reference(
    "Säilynoja T, Bürkner P-C, Vehtari A. Graphical test for discrete uniformity and its applications in "
    "goodness-of-fit evaluation and multiple sample comparison. Stat Comput 2022;32:32.",
    "10.1007/s11222-022-10090-6",
)
QUANTILE_RESIDUALS = Reference(
    "Dunn PK, Smyth GK. Randomized quantile residuals. J Comput Graph Stat 1996;5:236–244.",
    "10.1080/10618600.1996.10474708",
)
CALIBRATION = Reference(
    "Dimitriadis T, Gneiting T, Jordan AI. Stable reliability diagrams for probabilistic classifiers. Proc Natl Acad "
    "Sci USA 2021;118:e2016191118.",
    "10.1073/pnas.2016191118",
)
LOO = Reference(
    "Vehtari A, Gelman A, Gabry J. Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC. "
    "Stat Comput 2017;27:1413–1432.",
    "10.1007/s11222-016-9696-4",
)
STACKING = Reference(
    "Yao Y, Vehtari A, Simpson D, Gelman A. Using stacking to average Bayesian predictive distributions. Bayesian Anal "
    "2018;13:917–1007.",
    "10.1214/17-BA1091",
)
PROPORTIONAL_ODDS = Reference(
    "McCullagh P. Regression models for ordinal data. J R Stat Soc B 1980;42:109–142.",
    "10.1111/j.2517-6161.1980.tb01109.x",
)
CUMULATIVE_PROBIT = Reference(
    "Liu Q, Shepherd BE, Li C, Harrell FE. Modeling continuous response variables using ordinal regression. Stat Med "
    "2017;36:4316–4335.",
    "10.1002/sim.7433",
)
LOGISTIC_PRIOR = Reference(
    "Gelman A, Jakulin A, Pittau MG, Su Y-S. A weakly informative default prior distribution for logistic and other "
    "regression models. Ann Appl Stat 2008;2:1360–1383.",
    "10.1214/08-AOAS191",
)
JACKKNIFE = Reference(
    "Giordano R, Broderick T. The Bayesian infinitesimal jackknife for variance. arXiv preprint 2023.",
    "10.48550/arXiv.2305.06466",
)
VARYING_COEFFICIENTS = Reference(
    "Gelfand AE, Kim H-J, Sirmans CF, Banerjee S. Spatial modeling with spatially varying coefficient processes. J Am "
    "Stat Assoc 2003;98:387–396.",
    "10.1198/016214503000170",
)
MUNDLAK = Reference(
    "Mundlak Y. On the pooling of time series and cross section data. Econometrica 1978;46:69–85.",
    "10.2307/1913646",
)
MATERN = Reference(
    "Rasmussen CE, Williams CKI. Gaussian Processes for Machine Learning. Cambridge, MA: MIT Press; 2006.",
    "10.7551/mitpress/3206.001.0001",
)
BYM2 = Reference(
    "Riebler A, Sørbye SH, Simpson D, Rue H. An intuitive Bayesian spatial model for disease mapping that accounts for "
    "scaling. Stat Methods Med Res 2016;25:1145–1165.",
    "10.1177/0962280216660421",
)
INFILL = Reference(
    "Zhang H. Inconsistent estimation and asymptotically equal interpolations in model-based geostatistics. J Am Stat "
    "Assoc 2004;99:250–261.",
    "10.1198/016214504000000241",
)
LKJ = Reference(
    "Lewandowski D, Kurowicka D, Joe H. Generating random correlation matrices based on vines and extended onion "
    "method. J Multivar Anal 2009;100:1989–2001.",
    "10.1016/j.jmva.2009.04.008",
)
VARIOGRAM = Reference(
    "Cressie NAC. Statistics for Spatial Data, revised edition. New York: Wiley; 1993.", "10.1002/9781119115151"
)
BLOCKED_VALIDATION = Reference(
    "Roberts DR, Bahn V, Ciuti S, et al. Cross-validation strategies for data with temporal, spatial, hierarchical, or "
    "phylogenetic structure. Ecography 2017;40:913–929.",
    "10.1111/ecog.02881",
)
CALIBRATED_FORECASTS = Reference(
    "Gneiting T, Balabdaoui F, Raftery AE. Probabilistic forecasts, calibration and sharpness. J R Stat Soc B "
    "2007;69:243–268.",
    "10.1111/j.1467-9868.2007.00587.x",
)
