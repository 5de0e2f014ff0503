"""Every data set: where it comes from, under which licence, what to cite."""

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from bayesrg.errors import DataNotFoundError

_IBSI = "https://github.com/theibsi/data_sets"

_GLIOMA = (
    "Zhou H, Vallières M, Bai HX, et al. MRI features predict survival and molecular markers in diffuse lower-grade "
    "gliomas. Neuro-Oncology 2017;19:862-870. doi:10.1093/neuonc/now256\n"
    "The Cancer Genome Atlas Research Network. Comprehensive, integrative genomic analysis of diffuse lower-grade "
    "gliomas. New England Journal of Medicine 2015;372:2481-2498. doi:10.1056/NEJMoa1402121"
)


@dataclass(frozen=True)
class DataSet:
    """Where a data set comes from, under which licence, and what to cite when it is used.

    Attributes
    ----------
    name
        Its folder (or file) below the data folder.
    title, origin, licence, citation
        For people to read; ``citation`` may hold several references, one a line.
    derived
        How its files were made where the origin does not hold them byte for byte; empty for the origin's own files.
    """

    name: str
    title: str
    origin: str
    licence: str
    citation: str
    derived: str = ""


_DATA_SETS = (
    DataSet(
        name="ibsi1/ibsi1_digital_phantom",
        title="IBSI-1 digital phantom: 5 x 4 x 4 voxels of 2 mm, 74 of them in the region",
        origin=f"{_IBSI} (ibsi_1_digital_phantom)",
        licence="CC BY 4.0",
        citation="Zwanenburg A, Vallières M, et al. Radiology 2020;295:328-338. doi:10.1148/radiol.2020191145",
    ),
    DataSet(
        name="ibsi1/ibsi1_ct_phantom",
        title="IBSI-1 CT phantom: a lung tumour, 204 x 201 x 60 voxels of 0.977 x 0.977 x 3 mm",
        origin=f"{_IBSI} (ibsi_1_ct_radiomics_phantom)",
        licence="CC BY-NC 3.0 (not for commercial use)",
        citation=(
            "Lambin P. Radiomics Digital Phantom. CancerData 2016. doi:10.17195/candat.2016.08.1\n"
            "Lambin P, Leijenaar RTH, Deist TM, et al. Nature Reviews Clinical Oncology 2017;14:749-762. "
            "doi:10.1038/nrclinonc.2017.141"
        ),
    ),
    DataSet(
        name="ibsi1",
        title="IBSI-1 consensus values and image-processing diagnostics with their tolerances",
        origin="the IBSI reference manual, arXiv:1612.07003",
        licence="facts published by IBSI; the manual's documents state no licence",
        citation="Zwanenburg A, Vallières M, et al. Radiology 2020;295:328-338. doi:10.1148/radiol.2020191145",
        derived="the tables were parsed from the chapters of the IBSI reference manual",
    ),
    DataSet(
        name="sts",
        title="IBSI validation set: PET (SUV), MR and CT of 51 soft-tissue sarcomas, cropped 5 cm around the tumour",
        origin=f"{_IBSI} (ibsi_validation), from the Soft-tissue-Sarcoma collection of The Cancer Imaging Archive",
        licence="CC BY 3.0",
        citation=(
            "Vallières M, Freeman CR, Skamene SR, El Naqa I. The Cancer Imaging Archive 2015. "
            "doi:10.7937/K9/TCIA.2015.7GO2GSKS\n"
            "Vallières M, Freeman CR, Skamene SR, El Naqa I. Physics in Medicine and Biology 2015;60:5471-5496. "
            "doi:10.1088/0031-9155/60/14/5471\n"
            "Clark K, Vendt B, Smith K, et al. Journal of Digital Imaging 2013;26:1045-1057. "
            "doi:10.1007/s10278-013-9622-7"
        ),
    ),
    DataSet(
        name="qin_prostate",
        title=(
            "QIN-PROSTATE repeatability: 83 pyradiomics features of T2-weighted prostate MR, 15 patients scanned "
            "twice, 36 preprocessing pipelines"
        ),
        origin=(
            "https://github.com/QIICR/QIN-PROSTATE-Repeatability-Radiomics (EvalData), images from the collection "
            "QIN-PROSTATE-Repeatability of The Cancer Imaging Archive"
        ),
        licence="MIT",
        citation=(
            "Schwier M, van Griethuysen J, Vangel MG, et al. Repeatability of multiparametric prostate MRI radiomics "
            "features. Scientific Reports 2019;9:9441. doi:10.1038/s41598-019-45766-z\n"
            "Images: doi:10.7937/K9/TCIA.2018.MR1CKGND"
        ),
        derived=(
            "the origin's 52 tables, one a pipeline (16 of them of registered images), were stacked; kept are the "
            "T2-weighted series and the features of the unfiltered image; the pipeline was read from each file's name"
        ),
    ),
    DataSet(
        name="ccr_phantom",
        title=(
            "Credence Cartridge Radiomics phantom: 91 pyradiomics features of 160 regions, one scan on each of 13 CT "
            "scanners"
        ),
        origin=(
            "https://github.com/AbdallaIbrahim/The-reproducibility-and-ComBatability-of-Radiomic-features, images from "
            "the collection CC-Radiomics-Phantom of The Cancer Imaging Archive"
        ),
        licence="none stated: load it and cite it, but do not redistribute it (its images are CC BY 3.0)",
        citation=(
            "Mackin D, Fave X, Zhang L, et al. Measuring computed tomography scanner variability of radiomics "
            "features. Investigative Radiology 2015;50:757-765. doi:10.1097/RLI.0000000000000180\n"
            "Mackin D, Ray X, Zhang L, et al. Data from Credence Cartridge Radiomics Phantom CT Scans. The Cancer "
            "Imaging Archive 2017. doi:10.7937/K9/TCIA.2017.zuzrml5b\n"
            "Ibrahim A. The reproducibility and ComBatability of radiomic features (the repository above)"
        ),
        derived=(
            "the origin's one table (Pyradiomics_original_RFs_CCR1.csv); the region's name was split into material and "
            "number"
        ),
    ),
    DataSet(
        name="ctp4r",
        title=(
            "CT-Phantom4Radiomics: 92 pyradiomics features of 6 regions of an anthropomorphic phantom, 8 acquisition "
            "groups of about 30 scans"
        ),
        origin=(
            "https://github.com/Joingl/radiomic-features (feature extraction/ctp4r), images from the collection "
            "CT-Phantom4Radiomics of The Cancer Imaging Archive"
        ),
        licence="none stated: load it and cite it, but do not redistribute it (its images are CC BY 4.0)",
        citation=(
            "Schaer R, Bach M, Obmann M, et al. Task-Based Anthropomorphic CT Phantom for Radiomics Stability and "
            "Discriminatory Power Analyses (CT-Phantom4Radiomics). The Cancer Imaging Archive 2023. "
            "doi:10.7937/a1v1-rc66"
        ),
        derived=(
            "the origin's one table (traditional features CTP4R clean.csv); the scan's name was split into repetition "
            "and slice"
        ),
    ),
    DataSet(
        name="lgg/shape_features.csv",
        title="TCGA lower-grade glioma: size, eccentricity, volume and solidity of 188 tumours",
        origin="https://github.com/mvallieres/radiomics (STUDIES/LGG_study, nonTextures.mat)",
        licence="GPL-3 (the repository's): load it and cite it, but do not redistribute it",
        citation=_GLIOMA,
        derived="taken from the origin's MATLAB file, a row per patient, identifiers as in vasari.csv",
    ),
    DataSet(
        name="lgg",
        title=(
            "TCGA lower-grade glioma, 188 patients: mutations, 1p/19q, molecular clusters, grade, survival, and 26 "
            "VASARI "
            "features of the images; identifiers as published, which differ between the two tables"
        ),
        origin="https://github.com/mvallieres/radiomics (STUDIES/LGG_study)",
        licence="GPL-3 (the repository's): load it and cite it, but do not redistribute it",
        citation=_GLIOMA,
    ),
    DataSet(
        name="laml",
        title=(
            "TCGA acute myeloid leukaemia: somatic variants (MAF, GRCh37) of 193 patients, copy-number segments of "
            "191, "
            "segments of one, clinical table"
        ),
        origin="https://github.com/PoisonAlien/maftools (inst/extdata)",
        licence="MIT",
        citation=(
            "The Cancer Genome Atlas Research Network. Genomic and epigenomic landscapes of adult de novo acute "
            "myeloid "
            "leukemia. New England Journal of Medicine 2013;368:2059-2074. doi:10.1056/NEJMoa1301689\n"
            "Mayakonda A, Lin DC, Assenov Y, Plass C, Koeffler HP. Maftools: efficient and comprehensive analysis of "
            "somatic variants in cancer. Genome Research 2018;28:1747-1756. doi:10.1101/gr.239244.118"
        ),
    ),
    DataSet(
        name="glioma3d",
        title="266 biopsies of 26 gliomas with places in the tumour, purity, expression, copy number and T2 masks",
        origin="https://github.com/HenrikBengtsson/3DGliomaAtlas",
        licence="none stated: load it and cite it, but do not redistribute it",
        citation=(
            "Hilz S, et al. 3D Glioma Atlas (the repository above); sequences: The 3D evolution of glioma cell "
            "populations, "
            "European Genome-phenome Archive EGAS00001003710, https://ega-archive.org/studies/EGAS00001003710"
        ),
        derived="the origin's data objects were written as tables of samples, tumours, expression and copy number",
    ),
    DataSet(
        name="ivygap",
        title=(
            "50 regions (enhancing, non-enhancing, oedema) of 28 glioblastomas: features of the image, scores of 11 "
            "pathways, and the coefficients of the origin's mixed models"
        ),
        origin=(
            "https://github.com/dpiccolomd/RADIOMAP-IvyGAP (results), from the Ivy Glioblastoma Atlas Project and the "
            "collection IvyGAP-Radiomics of The Cancer Imaging Archive"
        ),
        licence="MIT",
        citation=(
            "Piccolo D, Vindigni M. RADIOMAP-IvyGAP (the repository above)\n"
            "Puchalski RB, Shah N, Miller J, et al. An anatomic transcriptional atlas of human glioblastoma. Science "
            "2018;360:660-663. doi:10.1126/science.aaf2666\n"
            "Features: IvyGAP-Radiomics, The Cancer Imaging Archive. doi:10.7937/9j41-7d44"
        ),
        derived=(
            "the origin's fitted models (lmm_results.rds) were written as a table of data and one of coefficients "
            "each; one pathway of its 12 (pw_4, inflammatory response) is left out of these and of its summaries"
        ),
    ),
    DataSet(
        name="tracerx_renal",
        title=(
            "TRACERx Renal: 1,027 regions of 79 renal tumours with places, distance to the boundary, Ki67, necrosis, "
            "grade, and genomic distances between regions"
        ),
        origin="https://github.com/kevlitchfield1/Spatial_Renal_TracerX (source data of its figures)",
        licence="none stated: load it and cite it, but do not redistribute it",
        citation=(
            "Litchfield K. Spatial_Renal_TracerX (the repository above)\n"
            "Of the same study: Fu X, Zhao Y, Lopez JI, et al. Spatial patterns of tumour growth impact clonal "
            "diversification in a computational model and the TRACERx Renal study. Nature Ecology & Evolution "
            "2022;6:88-102. doi:10.1038/s41559-021-01586-x"
        ),
    ),
)


def about(name: str) -> DataSet:
    """Return the origin, licence and citation of the data set that a file or folder belongs to.

    Parameters
    ----------
    name
        A data set such as ``"sts"``, or a file in one, such as ``"ibsi1/ibsi1_ct_phantom/image.nii.gz"``.

    Raises
    ------
    DataNotFoundError
        If no known data set has that name.
    """
    found = data_set_of(inside(name))
    if found is None:
        raise DataNotFoundError(
            f"no data set is called {name!r}; known are {', '.join(repr(known.name) for known in _DATA_SETS)}."
        )
    return found


def inside(name: str) -> PurePosixPath:
    """Return a name as a relative path, refusing whatever could lead out of the data folder on any system."""
    relative = PurePosixPath(name)
    windows = PureWindowsPath(name)
    if not relative.parts or relative.is_absolute() or windows.drive or "\\" in name or ".." in relative.parts:
        raise DataNotFoundError(
            f"{name!r} does not stay inside the data folder; expected a relative path with forward slashes and "
            "without '..', such as 'sts/STS_001_PET_image.nii.gz'."
        )
    return relative


def data_set_of(relative: PurePosixPath) -> DataSet | None:
    """Return the innermost data set that a path belongs to."""
    return next((known for known in _DATA_SETS if relative.is_relative_to(known.name)), None)
