"""Reporting checklists, filled as far as the stage outputs go: TRIPOD+AI and CLAIM.

TRIPOD+AI: Collins et al. 2024, BMJ 385:e078378. CLAIM, 2024 update: Tejani et al. 2024, Radiology: Artificial
Intelligence 6:e240300. The items are numbered as there and told in other words; the originals decide.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Item(NamedTuple):
    """One item: its number, what it asks for, what the tool knows (with places for `facts`), what the author adds."""

    number: str
    asks: str
    known: str = ""
    add: str = ""


TRIPOD_AI: Sequence[Item] = (
    Item("1", "Title: model development or evaluation, whom it is for, what it predicts", "", "title"),
    Item("2", "Abstract in the structure of TRIPOD+AI for Abstracts", "", "abstract"),
    Item("3a", "Medical context, why a model, what exists", "", "background"),
    Item("3b", "Whom the model is for, where in care, and its users", "", "intended use and users"),
    Item("3c", "Known inequalities in health between groups", "", "inequalities known in this disease"),
    Item("4", "Aims: development, evaluation or both", "declared contrast: {contrast} (report: Gain)", "clinical aim"),
    Item(
        "5a",
        "Where the data come from and whom they stand for",
        "data set {dataset}, SHA-256 {data_sha}",
        "source, representativeness",
    ),
    Item("5b", "Dates of the data", "", "first and last date"),
    Item("6a", "Setting: kind, number and place of centres", "attributes in the data: {attributes}", "centres"),
    Item("6b", "Who was eligible", "{quarantined} files quarantined with reasons (report: Data)", "eligibility"),
    Item("6c", "Treatments received", "", "treatments, where they matter"),
    Item(
        "7",
        "Data preparation and quality checks, alike across groups",
        "{checks} checks; images of {size} × {size} pixels, {channels} channels (report: Data)",
        "preparation before",
    ),
    Item("8a", "Outcome: definition and timing", "classes: {classes}", "how each class was established"),
    Item("8b", "Who assessed the outcome, where it takes judgement", "", "qualification of the readers"),
    Item("8c", "Blinding of those who assessed it", "", "blinding"),
    Item("9a", "Choice of predictors", "the image alone", "why the image suffices"),
    Item("9b", "Definition and measurement of predictors", "{sizes} (report: Data)", "acquisition protocol"),
    Item("9c", "Who assessed predictors, where it takes judgement", "none: the image is read by the network"),
    Item(
        "10",
        "Sample size and its justification",
        "{n_train} / {n_val} / {n_test} images to train, validate, test; detectable {detectable}",
        "why this size",
    ),
    Item("11", "Missing data", "unreadable files: {quarantined}; unknown attributes: {unknown}", "images never taken"),
    Item("12a", "How data served development and evaluation", "{split}"),
    Item("12b", "Handling of predictors", "grey levels scaled; augmentation as configured (report: Reproduce)"),
    Item(
        "12c",
        "Kind of model, all building steps, tuning, internal validation",
        "{classifier}, {steps} steps of {batch} images; {screened} arms screened on validation (report: Screening)",
    ),
    Item(
        "12d",
        "Heterogeneity between centres or other clusters: how it was handled",
        "attributes in the data: {attributes}; one that names the centre is compared (report: Fairness)",
        "clusters that the data do not name",
    ),
    Item(
        "12e",
        "Measures of performance and comparison",
        "{metric} as declared, {level} intervals over {patients} patients or groups and {seeds} seeds; {measures}",
        "clinical utility",
    ),
    Item("12f", "Updating of the model after evaluation", "none"),
    Item(
        "12g",
        "How predictions are calculated in evaluation",
        "softmax of the logits; weights with SHA-256 in the cards",
    ),
    Item("13", "Class imbalance: what was done about it", "arms with balanced sampling compared: {balanced}"),
    Item("14", "Fairness: what was done for it", "judged: {attributes}; margin {margin}; nothing mitigated", "reasons"),
    Item("15", "Output of the model and its thresholds", "class probabilities; the most probable class is called"),
    Item("16", "Differences between development and evaluation data", "{split}", "differences in care or time"),
    Item("17", "Ethical approval and consent", "", "approval, consent or waiver"),
    Item("18a", "Funding", "", "funding"),
    Item("18b", "Conflicts of interest", "", "conflicts"),
    Item(
        "18c",
        "Protocol",
        "contrast, margin and level were declared before the arms predicted the test images",
        "its address",
    ),
    Item("18d", "Registration", "", "register and number"),
    Item("18e", "Availability of data", "SHA-256 of the image set: {data_sha}", "how to get the data"),
    Item("18f", "Availability of code", "configuration and versions: report: Reproduce", "address of the code"),
    Item("19", "Involvement of patients and the public", "", "involvement, or that there was none"),
    Item(
        "20a", "Flow of participants, with and without the outcome", "images by class and split: {flow}", "flow before"
    ),
    Item(
        "20b",
        "Characteristics of participants, missing ones included",
        "subgroup sizes: {sizes_by_group}",
        "clinical characteristics",
    ),
    Item("20c", "Development and evaluation data compared", "images by class and split: {flow}", "characteristics"),
    Item(
        "21",
        "Participants and outcomes in each analysis",
        "{n_test} test images of {patients} patients or groups; trained on {n_train}, validated on {n_val}; {flow}",
    ),
    Item("22", "The full model, so that others can use it", "weights and how to build them: model cards", "access"),
    Item(
        "23a",
        "Performance with intervals, in key subgroups too",
        "{score} with, {baseline_score} without synthetic images; {subgroups} (report: Gain, Fairness)",
    ),
    Item(
        "23b",
        "Heterogeneity of performance between centres or other clusters",
        "change of the gap by attribute: {gap_changes} (report: Fairness)",
        "clusters that the data do not name",
    ),
    Item("24", "Results of updating", "none"),
    Item("25", "Interpretation, fairness included", "{verdict}", "what it means for patients"),
    Item("26", "Limitations", "{limits}", "limits of the data"),
    Item("27a", "What happens with poor or missing input", "unreadable images are refused, not guessed", "in practice"),
    Item("27b", "How users meet the model, skills they need", "", "users"),
    Item("27c", "Next steps for research", "", "next steps"),
)

CLAIM: Sequence[Item] = (
    Item(
        "1", "Title or abstract names the study as one of AI, and the technique", "{classifier}, {generators}", "title"
    ),
    Item("2", "Abstract", "", "abstract"),
    Item("3", "Background, intended use and clinical role", "", "background"),
    Item("4", "Objectives and hypotheses", "{contrast}, fixed before the test (report: Gain)", "hypothesis"),
    Item("5", "Prospective or retrospective", "", "which of the two"),
    Item("6", "Goal of the study", "what synthetic images add to a classifier", "clinical goal"),
    Item("7", "Data sources", "{dataset}, SHA-256 {data_sha}", "source"),
    Item("8", "Eligibility: who, where, when", "{quarantined} files quarantined (report: Data)", "eligibility"),
    Item("9", "Preprocessing", "{size} × {size} pixels, {channels} channels; {sizes}", "preprocessing before"),
    Item("10", "Selection of subsets of the data", "budget: {budget}", "crops or slices chosen before"),
    Item("11", "De-identification", "columns that name a person are refused", "how the images were de-identified"),
    Item("12", "Missing data", "unreadable files: {quarantined}; unknown attributes: {unknown}", "other missing data"),
    Item("13", "How the images were acquired", "{sizes}; attributes in the data: {attributes}", "protocol, scanners"),
    Item("14", "Reference standard, in detail", "classes: {classes}", "its definition"),
    Item("15", "Why this reference standard", "", "reasons"),
    Item("16", "Who annotated, how qualified", "", "annotators"),
    Item("17", "How the test set was annotated", "", "annotation of the test images"),
    Item("18", "Variability between and within annotators", "", "agreement, and how disagreement was settled"),
    Item("19", "Assignment to partitions", "{split}; {flow}"),
    Item("20", "Level at which partitions are disjoint", "patients or groups of near-copies; {checks} checks"),
    Item("21", "Intended size of the test set", "detectable with this study: {detectable}", "how it was planned"),
    Item(
        "22", "The model in detail: input, output, layers", "{classifier}, {size} × {size} × {channels} to {n_classes}"
    ),
    Item("23", "Software and versions", "{versions} (report: Reproduce)"),
    Item("24", "Initial weights", "random, the same for every arm in each of {seeds} seeds"),
    Item(
        "25",
        "Training: augmentation, settings, number of models",
        "{steps} steps of {batch} images; {trainings} trainings confirmed (report: Reproduce)",
    ),
    Item("26", "How the final model was chosen", "best look at validation; best seed on validation (model cards)"),
    Item("27", "Ensembling", "none"),
    Item("28", "Measures of performance", "{metric} as declared; {measures}"),
    Item(
        "29",
        "Statistical significance and uncertainty",
        "two-level bootstrap ({replicates}) and exact sign-flip over {seeds} seeds; p = {p}",
    ),
    Item(
        "30", "Robustness or sensitivity", "{n_arms} arms, {seeds} seeds each; subgroups: {subgroups}", "other shifts"
    ),
    Item("31", "Explainability, and how it was validated", "{explained} (report: Explanation)"),
    Item("32", "Evaluation on internal data", "{n_test} test images, kept apart by {split} (report: Gain)"),
    Item("33", "Test on external data", "none besides the test split", "whether the test split is of another centre"),
    Item("34", "Registration of a clinical trial", "", "number and register"),
    Item("35", "Flow of participants or images", "{flow}; {quarantined} quarantined (report: Data)", "diagram"),
    Item(
        "36",
        "Demographic and clinical characteristics by partition",
        "subgroup sizes: {sizes_by_group}",
        "by partition",
    ),
    Item(
        "37",
        "Performance against the reference standard, in subgroups too",
        "{score} with, {baseline_score} without synthetic images on test; {subgroups} (report: Gain, Fairness)",
    ),
    Item("38", "Diagnostic accuracy with its precision", "{score}; difference {difference} (report: Gain)"),
    Item("39", "Failures: what is misclassified", "recall by class (report: Class by class)", "cases looked at"),
    Item("40", "Limitations", "{limits}", "limits of the data"),
    Item("41", "What it means for practice", "", "implications"),
    Item("42", "Where the full protocol is", "configuration and hashes (report: Reproduce)", "its address"),
    Item("43", "Availability of software, model and data", "hashes and versions (report: Reproduce)", "addresses"),
    Item("44", "Funding and the role of funders", "", "funding"),
)
