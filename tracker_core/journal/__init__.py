"""What a run has logged, on the disk of its host until every backend has it.

Below ``journal`` in the home of Tracker each run has a folder::

    <run>/run.json                     which run it is
    <run>/writers/<writer>/            one folder a process, see `folders`
        writer.json                    who writes; locked for as long as it may
        00000001.segment …             what it logged, see `frames`
        ended                          nobody will write here any more
    <run>/shared/<host>.<attempt>      names the writer that calls from shells share,
                                       see `shared`; locked by who is it just now
    <run>/delivery/<host>/<backend>/   how far a backend is, see `delivery.cursor`
    <run>/content/<host>/<sha256>      content that some backend has not taken yet
    <run>/doorbell                     touched by who wants to read

Every file of records has one writer, so nothing is locked to write. A record that was
appended survives the death of its process in the middle of any instruction, since it
lies in pages of a file; it survives the loss of power once it was synced. What a crash
leaves:

- in the middle of a record: no frame, since its header is stored last;
- between making a folder and giving it its name: a folder ``.new-…`` that nobody reads;
- at any other time: a writer without the mark ``ended``. Whoever delivers next sees
  that nobody holds its lock, cuts a torn tail, and records the end in its place.
"""
