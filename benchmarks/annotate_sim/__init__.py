"""A simulated annotator looks for each class of labeled photos in turn, by every policy on the same terms.

    python -m benchmarks.annotate_sim.offline --photos FOLDER [--encoder builtin@1] [--prevalence 0.001]
    python -m benchmarks.annotate_sim.rest --photos FOLDER [--weights FILE.pt]
    python -m benchmarks.annotate_sim.stacks --data FOLDER [--weights FILE.pt]
    python -m benchmarks.annotate_sim.expected --photos FOLDER [--encoder builtin@1]

`--photos` has one folder per class; BACKGROUND_Google is looked through, but not for. Every policy begins
with the neighbors of one photo of the class, answers BATCH tiles from the top of what is undecided and is
then refitted. `offline` calls what the search service calls on a matrix in memory; `rest` drives a whole
instance, and is the one that says how long the system takes.
"""
