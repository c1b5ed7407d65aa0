"""Reports: one self-contained HTML page, and one picture, of one run or several side by side.

==============  ===================================================================================================
``runs``        reading run folders, whatever state they are in; which trainings are seeds of the same thing
``series``      curves with intervals over the seeds, labels over time, thinning of very long runs
``intervals``   Student's t
``panels``      the pictures: what each shows, its caption, its description in words
``pictures``    panels as inline SVG or as one PNG
``verdict``     the answer in one sentence, and the key figures
``page``        the HTML
``writing``     all of it together
==============  ===================================================================================================

Needs ``lpcurr[train]`` for matplotlib and YAML.
"""
